"""Makes a version of what a run made, in the name of whoever submitted it and with their rights alone.

Every step has the same effect however often it is done: the draft is begun under the job's own key, files go
on where they broke off, a draft that was sealed answers with its version. So after a crash all of it is done
again, and there is one version. What is refused once the version is there is said, and stops nothing.
"""

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from colonnade.errors import ColonnadeError, Conflict, PermissionDenied, Unavailable
from colonnade.security.identity import Principal
from colonnade.training.domain import Job, ModelVersion
from colonnade.training.ports import Clock, JobStore, Journal
from colonnade.training.publishing.card import card_of
from colonnade.training.publishing.curve import Point, curve_of, thinned
from colonnade.training.publishing.drafts import BEING_MADE, NEWEST, begun
from colonnade.training.publishing.errands import passes
from colonnade.training.publishing.lineage import dataset_of, edges_of
from colonnade.training.publishing.ports import Draft, File, Ledger, Metric, Outputs, Registry

README = "README.md"
_MOST_POINTS = 200
"""Of a curve, among a version's metrics."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What one job's version is made of."""

    job: Job
    who: Principal
    result: Mapping[str, Any]
    points: Sequence[Point]
    card: bytes


class Publisher:
    def __init__(
        self,
        registry: Registry,
        outputs: Outputs,
        store: JobStore,
        journal: Journal,
        ledger: Ledger,
        *,
        rights: timedelta,
        clock: Clock,
    ) -> None:
        """``rights``: how long those of a submitter count."""
        self._registry, self._outputs, self._store = registry, outputs, store
        self._journal, self._ledger = journal, ledger
        self._rights, self._clock = rights, clock

    async def publish(self, job: Job) -> None:
        """Raises what keeps it from being a version."""
        work = await self._work(job)
        draft = await begun(self._registry, work.who, job)
        if draft.state not in ("ready", *BEING_MADE):
            await self._send(work, draft)
        await self._conclude(work, await self._sealed(work, draft))

    async def register(self, job: Job, version: ModelVersion) -> None:
        """What there is to say of a version that no run made."""
        bare = replace(job, metrics={})  # how far it was fetched
        await self._conclude(_Work(bare, self.behalf(job), {}, (), b""), version)

    def behalf(self, job: Job) -> Principal:
        """In whose name the job asks the registry. ``PermissionDenied`` where they asked too long ago."""
        if job.behalf is None or job.vouched_at is None:
            raise PermissionDenied("it is not known with which rights it was submitted; retry it")
        if self._clock() - job.vouched_at > self._rights:
            raise PermissionDenied(
                f"it was submitted, or resumed, more than {self._rights.days} days ago"
                " (COLONNADE_TRAINING_RIGHTS_DAYS); resume it, and it goes on"
            )
        return job.behalf

    async def _conclude(self, work: _Work, version: ModelVersion) -> None:
        job = await self._ledger.sealed(work.job, version)
        refusals = [words for each in self._said(work, version) if (words := await _refusal(each))]
        await self._ledger.published(job, "; ".join((f"registered as {version}", *refusals)))

    async def _work(self, job: Job) -> _Work:
        result = await self._outputs.result(job.id)
        points = await curve_of(self._journal, job.id)
        card = card_of(job, await self._store.recipe(job.id), result, points, _told(result))
        return _Work(job, self.behalf(job), result, points, card.encode())

    async def _send(self, work: _Work, draft: Draft) -> None:
        adapter = work.job.asked.output.adapter
        found = await self._outputs.files(work.job.id, adapter=adapter)
        for file in (file for file in found if file.path != README):
            offset = await self._registry.announce(work.who, draft, file)
            if offset < file.size_bytes:
                content = self._outputs.read(work.job.id, file.path, offset, adapter=adapter)
                async with aclosing(content):
                    await self._registry.write(work.who, draft, file.path, offset, content)
        digest = f"sha256:{hashlib.sha256(work.card).hexdigest()}"
        card = File(README, len(work.card), digest)
        offset = await self._registry.announce(work.who, draft, card)
        if offset < card.size_bytes:
            await self._registry.write(work.who, draft, README, offset, _rest(work.card, offset))

    async def _sealed(self, work: _Work, draft: Draft) -> ModelVersion:
        try:
            return await self._registry.seal(work.who, draft)
        except Conflict:
            if draft.state in BEING_MADE:  # by a connection of ours that the registry has not missed yet
                raise Unavailable("its version is being made") from None
            raise

    def _said(self, work: _Work, version: ModelVersion) -> Sequence[Callable[[], Awaitable[None]]]:
        job, who, registry = work.job, work.who, self._registry
        output, tags = job.asked.output, {"run": job.id}
        if recipe := str(work.result.get("recipe_digest") or ""):
            tags["recipe"] = recipe
        said: list[Callable[[], Awaitable[None]]] = [
            partial(registry.describe, who, version, output.description, tags, _metrics(work)),
            partial(registry.record, who, edges_of(job, version, work.result)),
        ]
        if output.rollout:
            why, key = f"{NEWEST[job.asked.kind]} by {job.id}", f"{job.asked.kind}-{job.id}"
            said.append(partial(registry.roll_out, who, version, output.alias, output.rollout, why, key))
        elif output.alias:
            said.append(partial(registry.move, who, version, output.alias))
        return said


async def _refusal(act: Callable[[], Awaitable[None]]) -> str:
    """What the registry says against it. Raises what passes: all is done again then."""
    try:
        await act()
    except ColonnadeError as error:
        if passes(error):
            raise
        return error.message
    return ""


def _metrics(work: _Work) -> Sequence[Metric]:
    """The last figures, and the curves, thinned out."""
    dataset, job = dataset_of(work.result), work.job
    at = (job.seen_at or job.since).timestamp()
    curves = [
        Metric(point.key, point.value, point.step, point.at, dataset)
        for key in dict.fromkeys(point.key for point in work.points)
        for point in thinned([point for point in work.points if point.key == key], _MOST_POINTS)
    ]
    drawn = {metric.key for metric in curves}
    return curves + [
        Metric(key, value, job.step, at, dataset)
        for key, value in sorted(job.metrics.items())
        if key not in drawn
    ]


def _told(result: Mapping[str, Any]) -> str:
    recipe = result.get("recipe")
    output = recipe.get("output") if isinstance(recipe, Mapping) else None
    return str(output.get("card") or "") if isinstance(output, Mapping) else ""


async def _rest(content: bytes, offset: int) -> AsyncGenerator[bytes, None]:
    yield content[offset:]
