"""Has the registry fetch a model, follows that to its end, and calls it off where the job was cancelled.

The registry goes on with what it fetches whatever becomes of us: a draft that was begun is found again under
the job's own key."""

import asyncio

from colonnade.errors import Conflict, InvalidArgument, Unavailable
from colonnade.training.domain import Job
from colonnade.training.publishing.drafts import BEING_MADE, begun
from colonnade.training.publishing.ports import Ledger, Registry
from colonnade.training.publishing.publisher import Publisher

_PAUSE_SECONDS = 1.0


class Importer:
    def __init__(
        self,
        registry: Registry,
        publisher: Publisher,
        ledger: Ledger,
        *,
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        """``pause_seconds``: how often it is looked at how far the registry is."""
        self._registry, self._publisher, self._ledger = registry, publisher, ledger
        self._pause = pause_seconds

    async def bring_in(self, job: Job) -> None:
        """Raises what keeps it from being a version; the draft is discarded then, so that resuming the job
        begins another."""
        who = self._publisher.behalf(job)
        draft = await begun(self._registry, who, job)
        while draft.state in BEING_MADE:
            words = draft.message or "it waits for its turn in the registry"
            await self._ledger.fetched(job, draft.fraction, words)
            await asyncio.sleep(self._pause)
            draft = await self._registry.look(who, draft)
        if draft.state == "discarded":
            raise Conflict("its draft was discarded; resume the job to begin another")
        if draft.state != "ready":
            await self._registry.discard(who, draft)
            raise InvalidArgument(draft.message or "the registry could not import it; its log has more")
        await self._publisher.register(job, await self._registry.seal(who, draft))

    async def call_off(self, job: Job) -> None:
        """What was begun of it; a version that is there by now stays."""
        who = self._publisher.behalf(job)
        draft = await begun(self._registry, who, job)
        if draft.state == "ready":
            version = await self._registry.seal(who, draft)
            await self._ledger.sealed(job, version)
            await self._ledger.called_off(job, f"{version} was there by then, and stays")
            return
        try:
            await self._registry.discard(who, draft)
        except Conflict:
            raise Unavailable("its version is being made") from None
        await self._ledger.called_off(job, "")
