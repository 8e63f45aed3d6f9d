"""The stages of an adaptation, each from where it was left: pairing, training, evaluating, proposing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from colonnade.errors import ColonnadeError, DeadlineExceeded, Overloaded, PermissionDenied, Unavailable
from colonnade.ethics.adapting.domain.adaptations import Adaptation, Asker, Count, State
from colonnade.ethics.adapting.domain.measures import MEASURES, against, figures_of
from colonnade.ethics.adapting.domain.pairs import Pair, Tried, count
from colonnade.ethics.adapting.domain.plans import Source
from colonnade.ethics.adapting.evaluating import Evaluating
from colonnade.ethics.adapting.pairing import Pairing
from colonnade.ethics.adapting.ports import (
    Adaptations,
    Pieces,
    Preferences,
    Preferred,
    Rollouts,
    Rows,
    Training,
    Writers,
)
from colonnade.ethics.adapting.recipes import recipe_of
from colonnade.ethics.adapting.together import batches, together
from colonnade.ethics.bias.domain.reports import Version

AWAY = (Unavailable, DeadlineExceeded, Overloaded)
"""What passes."""
LEASE = timedelta(minutes=10)
"""Longer than any piece takes."""
LOOK = timedelta(seconds=2)
"""How often a training job is looked at."""
RIGHTS = timedelta(days=30)
"""How long those of whoever asked count."""
PAIR = "pair/"
"""What the names of pieces with pairs begin with."""
TOGETHER = 4
"""Prompts that a version is asked at the same time."""
_BEFORE, _AFTER = "before", "after"


class Lost(Exception):
    """Somebody else goes on, or it was cancelled."""


class Later(Exception):
    """There is nothing to do before ``after``."""

    def __init__(self, adaptation: Adaptation, after: timedelta) -> None:
        super().__init__(adaptation.id)
        self.adaptation, self.after = adaptation, after


@dataclass(frozen=True, slots=True)
class World:
    store: Adaptations
    writers: Writers
    preferences: Preferences
    rows: Rows
    training: Training
    rollouts: Rollouts


class Stages:
    def __init__(
        self,
        world: World,
        pairing: Pairing,
        evaluating: Evaluating,
        clock: Callable[[], datetime],
        at_once: int = TOGETHER,
    ) -> None:
        self._world, self._pairing, self._evaluating, self._clock = world, pairing, evaluating, clock
        self._at_once = at_once

    async def work(self, found: Adaptation, holder: str) -> Adaptation:
        """As it ended. Raises ``Later`` while it is trained, ``Lost``, and what keeps it from going on."""
        if found.state is State.PAIRING:
            found = await self._pair(found, holder)
            if not sum(each.pairs for each in found.counts):
                return found.ended(
                    State.FAILED, self._clock(), "no source came to a pair; send other prompts, or feedback"
                )
            found = await self._kept(found.at(State.TRAINING, found.plan.steps), holder)
        if found.state is State.TRAINING:
            found = await self._train(found, holder)
            if found.state.ended:
                return found
        found = await self._evaluate(found, holder)
        if why := against(found.figures):
            return found.ended(State.FAILED, self._clock(), why)
        return await self._propose(found)

    async def _pair(self, found: Adaptation, holder: str) -> Adaptation:
        plan, prompts = found.plan, self._pairing.asked(found.plan)
        writer = self._world.writers.asked(found.version)
        known = dict(await self._world.store.pieces(found.id))
        made = [each for each in (Source.BEST_OF_N, Source.REVISION) if each in plan.sources]
        names = [
            (f"{PAIR}{each}/{at:05d}", each, prompt) for each in made for at, prompt in enumerate(prompts)
        ]
        missing = [each for each in names if each[0] not in known]
        for some in batches(missing, self._at_once):
            tried = await together(
                self._pairing.tried(source, prompt, found, writer) for _, source, prompt in some
            )
            fresh = {name: asdict(each) for (name, _, _), each in zip(some, tried, strict=True)}
            known |= fresh
            pieces = [known[name] for name, _, _ in names if name in known]
            found = replace(found, done=len(pieces), total=len(names), counts=_counts(made, pieces))
            found = await self._kept(found, holder, fresh)
        if Source.FEEDBACK not in plan.sources:
            return found
        people = len(await self._pairing.preferred(found.tenant))
        return replace(found, counts=(Count(Source.FEEDBACK, people, people), *found.counts))

    async def _train(self, found: Adaptation, holder: str) -> Adaptation:
        asker = self._asker(found)
        if not found.job:
            found = await self._submit(found, asker, holder)
        job = await self._world.training.job(asker, found.job)
        found = replace(found, done=min(job.step, found.total))
        if not job.ended:
            raise Later(found, LOOK)
        await self._world.rows.remove(found.id)
        await self._world.store.ungiven(found.id)
        if job.made is None:
            why = f"the training job {job.id} ended without a version: {job.why}"
            return found.ended(State.FAILED, self._clock(), why)
        total = 2 * len(self._evaluating.questions)
        return await self._kept(replace(found, adapted=job.made).at(State.EVALUATING, total), holder)

    async def _submit(self, found: Adaptation, asker: Asker, holder: str) -> Adaptation:
        people = await self._people(found)
        givers = await self._world.preferences.givers(found.tenant, _made_of(people))
        await self._world.store.given_by(found, givers)  # before there is a text of theirs
        own = [pair.line() for pair in pairs_of(await self._world.store.pieces(found.id))]
        path = await self._world.rows.write(found.id, [*own, *(each.line for each in people)])
        if await self._people(found) != people:  # some of it may have been erased before it was written
            await self._world.rows.remove(found.id)
            raise Unavailable("feedback has changed while it was written; it is written anew")
        found = await self._kept(found, holder)
        job = await self._world.training.submit(asker, recipe_of(found, path), found.id)
        try:
            return await self._kept(replace(found, job=job), holder)
        except Lost:
            await self._call_off(found, asker, job)
            raise

    async def _people(self, found: Adaptation) -> Sequence[Preferred]:
        if Source.FEEDBACK not in found.plan.sources:
            return ()
        return await self._pairing.preferred(found.tenant)

    async def _call_off(self, found: Adaptation, asker: Asker, job: str) -> None:
        """Of an adaptation that was cancelled while its job was submitted. Where only the lease was lost,
        whoever has it submits under the same key, and gets this same job."""
        if (await self._world.store.get(found.tenant, found.id)).state is State.CANCELLED:
            await self._world.rows.remove(found.id)
            await self._world.store.ungiven(found.id)
            await self._world.training.cancel(asker, job, f"the adaptation {found.id} was cancelled")

    async def _evaluate(self, found: Adaptation, holder: str) -> Adaptation:
        assert found.adapted is not None, "it was trained"
        known = dict(await self._world.store.pieces(found.id))
        sides = {_BEFORE: found.version, _AFTER: found.adapted}
        for side, version in sides.items():
            found = await self._side(found, holder, known, side, version)
        before, after = (self._values(known, side) for side in sides)
        return replace(found, figures=figures_of(before, after))

    async def _side(
        self, found: Adaptation, holder: str, known: dict[str, Mapping[str, Any]], side: str, version: Version
    ) -> Adaptation:
        writer = self._world.writers.asked(version)
        asked = [(_piece(side, at), each) for at, each in enumerate(self._evaluating.questions)]
        missing = [each for each in asked if each[0] not in known]
        for some in batches(missing, self._at_once):
            values = await together(self._evaluating.value(question, writer) for _, question in some)
            fresh = {name: {"value": value} for (name, _), value in zip(some, values, strict=True)}
            known |= fresh
            done = sum(not each.startswith(PAIR) for each in known)
            found = await self._kept(replace(found, done=done), holder, fresh)
        return found

    def _values(self, known: Pieces, side: str) -> Mapping[str, Sequence[float]]:
        values: dict[str, list[float]] = {each: [] for each in MEASURES}
        for at, (measure, _) in enumerate(self._evaluating.questions):
            values[measure].append(known[_piece(side, at)]["value"])
        return values

    async def _propose(self, found: Adaptation) -> Adaptation:
        assert found.adapted is not None, "it was evaluated"
        plan, why = found.plan, f"ethical adaptation {found.id} of {found.version}"
        try:
            rollout = await self._world.rollouts.propose(
                self._asker(found), found.adapted, plan.route, plan.policy, why, found.id
            )
        except AWAY:
            raise
        except ColonnadeError as error:
            said = f"{found.adapted} is there, and its rollout was refused: {error.message}"
            return found.ended(State.FAILED, self._clock(), said)
        return replace(found, rollout=rollout).ended(State.PROPOSED, self._clock())

    async def _kept(self, found: Adaptation, holder: str, pieces: Pieces | None = None) -> Adaptation:
        if not await self._world.store.keep(found, holder, self._clock() + LEASE, pieces):
            raise Lost
        return found

    def _asker(self, found: Adaptation) -> Asker:
        if found.asker is None:
            raise PermissionDenied("whoever asked for it was erased; ask anew")
        if self._clock() - found.created_at > RIGHTS:
            raise PermissionDenied(f"it was asked for more than {RIGHTS.days} days ago; ask anew")
        return found.asker


def pairs_of(pieces: Pieces) -> Sequence[Pair]:
    """In the order of their making: those of best_of_n, then those of revision."""
    made = (piece.get("pair") for name, piece in pieces.items() if name.startswith(PAIR))
    return [_pair(each) for each in made if each]


def _counts(sources: Sequence[Source], tried: Iterable[Mapping[str, Any]]) -> tuple[Count, ...]:
    found = [Tried(Source(each["source"]), _pair_or_none(each), each["lowered"]) for each in tried]
    return tuple(count(source, found) for source in sources)


def _pair_or_none(piece: Mapping[str, Any]) -> Pair | None:
    return _pair(piece["pair"]) if piece["pair"] else None


def _pair(said: Mapping[str, Any]) -> Pair:
    return Pair(**{**said, "source": Source(said["source"])})


def _made_of(people: Sequence[Preferred]) -> Sequence[str]:
    return sorted({each for pair in people for each in pair.made_of})


def _piece(side: str, at: int) -> str:
    return f"{side}/{at:05d}"
