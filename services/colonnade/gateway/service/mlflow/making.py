"""Versions that are being made for MLflow's clients, who wait a while and then ask how it went."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace

from colonnade.errors import ColonnadeError, InvalidArgument, Overloaded, Unavailable, Unsupported, backoff
from colonnade.gateway.domain.catalogue import VersionChange
from colonnade.gateway.domain.drafts import Draft, DraftFile, DraftOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import NewEdge, Node
from colonnade.gateway.domain.mlflow import FAILED, PENDING, RUN_ID, ModelVersion, VersionOrder
from colonnade.gateway.domain.models import Version
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.gateway.service.drafts import Drafts
from colonnade.gateway.service.lineage import Lineage
from colonnade.gateway.service.mlflow.sources import VersionSource, parsed_source
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_FIRST_LOOK, _LONGEST_LOOK = 0.05, 2.0
WAIT_SECONDS = 60.0
"""Half of what clients wait for an answer."""


class Making:
    """Goes on when nobody waits any more, as long as the gateway runs."""

    def __init__(
        self,
        drafts: Drafts,
        descriptions: Descriptions,
        lineage: Lineage,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._drafts, self._descriptions, self._lineage = drafts, descriptions, lineage
        self._wait = wait_seconds
        self._under_way: dict[tuple[str, int], asyncio.Task[ModelVersion]] = {}

    async def make(self, caller: Caller, order: VersionOrder) -> ModelVersion:
        """The version; as it is then if it takes too long."""
        source = parsed_source(order.source)
        draft = await self._begun(caller, order, source)
        patient, key = replace(caller, deadline=None), (draft.model, draft.number)
        task = asyncio.create_task(
            self._made(patient, order, draft, copies=isinstance(source, VersionSource))
        )
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.wait({task}, timeout=self._wait)
        return task.result() if task.done() else shown(draft, PENDING)

    async def look(self, caller: Caller, name: str, number: int) -> Draft | None:
        """A version that is being made here; what is said of it comes after its files."""
        if (name, number) in self._under_way:
            return await self._drafts.get(caller, name, number)
        return None

    async def close(self) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: tuple[str, int], task: asyncio.Task[ModelVersion]) -> None:
        del self._under_way[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.warning("the making of a version was not seen to its end", model=key[0], reason=str(error))

    async def _begun(self, caller: Caller, order: VersionOrder, source: str | VersionSource) -> Draft:
        begun = DraftOrder(order.name, order.description)
        if isinstance(source, str):
            return await self._drafts.begin(caller, replace(begun, source=source))
        version = (await self._descriptions.get_version(caller, source.name, source.version)).version
        if version.base:
            raise Unsupported("an adapter is not copied; import it again, with its base", field="source")
        draft = await self._drafts.begin(caller, begun)
        files = [DraftFile(each.path, each.size_bytes, each.digest) for each in version.artefacts]
        there = await self._drafts.announce(caller, draft.model, draft.number, files)
        if not all(file.complete for file in there):
            await self._drafts.discard(caller, draft.model, draft.number)
            raise Unavailable("not all files of the source are there; try again", retry_after_seconds=5)
        return draft

    async def _made(self, caller: Caller, order: VersionOrder, draft: Draft, *, copies: bool) -> ModelVersion:
        if copies and (refusal := await self._sealed(caller, draft)) is not None:
            return replace(shown(draft, FAILED), status_message=refusal.message)
        ended = await self._settled(caller, draft)
        if ended.state != "ready":
            return shown(ended, FAILED)
        change = VersionChange(description=order.description or None, set_tags=order.tags)
        record = await self._descriptions.describe_version(caller, ended.model, ended.version, change)
        if run := order.tags.get(RUN_ID):
            await self._came_of(caller, record.version, run)
        return ModelVersion.of(record)

    async def _came_of(self, caller: Caller, version: Version, run: str) -> None:
        """In the lineage too. Whatever stands there as a run, the version is made, and has it as a tag."""
        made = Node("version", version.digest, f"{version.name}:{version.version}")
        with suppress(InvalidArgument):
            await self._lineage.record(caller, [NewEdge(made, "produced_by", Node("run", run))], "")

    async def _sealed(self, caller: Caller, draft: Draft) -> ColonnadeError | None:
        """Why not, if not. While others import it is not our turn."""
        while True:
            try:
                async with aclosing(self._drafts.seal(caller, draft.model, draft.number)) as steps:
                    async for _ in steps:
                        pass
                return None
            except Overloaded as error:
                await asyncio.sleep(float(error.details.get("retry_after_seconds", 1)))
            except ColonnadeError as error:
                return error

    async def _settled(self, caller: Caller, draft: Draft) -> Draft:
        looks = 0
        while (draft := await self._drafts.get(caller, draft.model, draft.number)).state in UNDER_WAY:
            looks += 1
            await asyncio.sleep(backoff(looks, first=_FIRST_LOOK, longest=_LONGEST_LOOK))
        return draft


UNDER_WAY = ("open", "waiting", "importing")


def shown(draft: Draft, status: str) -> ModelVersion:
    """A version that is not one yet, under the number that is kept for it."""
    return ModelVersion(
        name=draft.model,
        version=draft.number,
        status=status,
        status_message=draft.message,
        description=draft.description,
        user=draft.created_by,
        created_at=draft.created_at,
        updated_at=draft.updated_at,
    )
