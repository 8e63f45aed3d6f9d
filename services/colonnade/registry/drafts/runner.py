"""Imports that go on without the caller: one after the other, and again after a kill."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, Overloaded, Unavailable
from colonnade.registry.drafts.draft import VersionDraft
from colonnade.registry.drafts.ports import DraftStore
from colonnade.registry.drafts.service import Drafts
from colonnade.registry.service import utc_now
from colonnade.security.identity import Principal, Role
from colonnade.telemetry import get_logger

_PAUSE_SECONDS = 2.0
_SWEEP_SECONDS = 3600.0
_FAULT_SECONDS = 15.0
"""After which what a fault of ours kept from going on is tried again."""
_LOG = get_logger(__name__)


class DraftRunner:
    def __init__(
        self,
        store: DraftStore,
        *,
        days: float,
        pause_seconds: float = _PAUSE_SECONDS,
        sweep_seconds: float = _SWEEP_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._days, self._pause, self._sweep_seconds = days, pause_seconds, sweep_seconds
        self._clock = clock
        self._woken = asyncio.Event()

    async def recover(self) -> None:
        """At the start, before anything is asked: nothing imports any more."""
        await self._store.recover(self._clock())

    def wake(self) -> None:
        self._woken.set()

    async def run(self, drafts: Drafts) -> None:
        """Until it is cancelled."""
        while True:
            self._woken.clear()
            pause = self._sweep_seconds
            try:
                await self.catch_up(drafts)
            except ColonnadeError as error:
                _LOG.warning("drafts must wait", reason=error.message)
                pause = _FAULT_SECONDS
            except Exception:
                _LOG.exception("drafts must wait")
                pause = _FAULT_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)

    async def catch_up(self, drafts: Drafts) -> None:
        """Discards what nobody touches, and brings in all that waits."""
        await drafts.sweep(self._clock() - timedelta(days=self._days))
        while draft := await self._store.next_waiting():
            await self._bring_in(drafts, draft)

    async def _bring_in(self, drafts: Drafts, draft: VersionDraft) -> None:
        """A refusal is kept in the draft; what passes is tried again."""
        try:
            async with aclosing(drafts.bring_in(draft, _principal(draft))) as events:
                async for _ in events:
                    pass
        except (Overloaded, Unavailable):  # it is others' turn, or nothing can be written
            await asyncio.sleep(self._pause)
        except ColonnadeError as error:
            _LOG.info("an import was refused", draft=draft.label, reason=error.message)


def _principal(draft: VersionDraft) -> Principal:
    """Who began it: the import is still theirs."""
    tenant, _, subject = draft.created_by.partition("/")
    return Principal(tenant, subject, frozenset({Role.MODEL_ENGINEER}))
