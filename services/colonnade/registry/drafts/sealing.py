"""Makes versions of drafts. Each import is a task: it ends when nobody listens, or when it is stopped."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import datetime
from typing import TypeAlias

from colonnade.errors import ColonnadeError, Conflict, Overloaded
from colonnade.registry.domain import Version
from colonnade.registry.drafts.draft import WRITABLE, State, VersionDraft
from colonnade.registry.drafts.ports import DraftStore, Key, Spool
from colonnade.registry.imports import ImportRequest, Imports
from colonnade.registry.ports import Progress
from colonnade.registry.service import actor
from colonnade.security.identity import Principal

Event: TypeAlias = Progress | Version


class Sealing:
    def __init__(
        self,
        store: DraftStore,
        spool: Spool,
        imports: Imports,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        """``wake`` hears of a draft that waits again."""
        self._store, self._spool, self._imports = store, spool, imports
        self._clock, self._wake = clock, wake
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._progress: dict[Key, Progress] = {}

    def progress(self, key: Key) -> Progress | None:
        return self._progress.get(key)

    def stop(self, key: Key) -> None:
        """Ends the import of a draft that was discarded, if it runs here. One that runs elsewhere finds out
        when it registers."""
        if key in self._running:
            self._running[key].cancel()

    async def run(self, draft: VersionDraft, principal: Principal) -> AsyncGenerator[Event, None]:
        """Runs the import that a draft stands for; the transaction that registers the version ends it."""
        key, by = (draft.model, draft.number), actor(principal)
        before = State.WAITING if draft.state is State.WAITING else State.OPEN
        startable = WRITABLE | {State.WAITING}
        await self._store.change(key, State.IMPORTING, startable, by=by, at=self._clock())
        after, message, done = before, "", False
        try:
            async with aclosing(self._steps(draft, principal)) as events:
                async for event in events:
                    done = isinstance(event, Version)
                    if isinstance(event, Progress):
                        self._progress[key] = event
                    yield event
        except ColonnadeError as error:
            queued = isinstance(error, Overloaded)  # others import; it goes on later
            after, message = before if queued else State.FAILED, error.message
            raise
        except Exception:
            after, message = State.FAILED, "the import failed; the registry's log has more"
            raise
        finally:
            self._progress.pop(key, None)
            await asyncio.shield(self._ended(draft, after, message, by, done=done))

    async def _steps(self, draft: VersionDraft, principal: Principal) -> AsyncGenerator[Event, None]:
        """``Conflict`` where it was stopped."""
        request = ImportRequest(
            draft.import_source, draft.model, draft.alias, draft.description, base=draft.base,
            reserved=draft.number,
        )  # fmt: skip
        key, told = (draft.model, draft.number), asyncio.Queue[Event](1)
        task = self._running[key] = asyncio.create_task(_tell(self._imports.run(request, principal), told))
        try:
            while (event := await _next(told, task)) is not None:
                yield event
            if task.cancelled():
                raise Conflict(f"the draft {draft.label} was discarded", field="number")
            task.result()
        finally:
            del self._running[key]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _ended(self, draft: VersionDraft, state: State, message: str, by: str, *, done: bool) -> None:
        if done:
            await self._spool.discard(draft.room)
            return
        key = (draft.model, draft.number)
        with suppress(Conflict):  # it was discarded meanwhile
            await self._store.change(key, state, {State.IMPORTING}, by=by, at=self._clock(), message=message)
            if state is State.WAITING:
                self._wake()


async def _tell(events: AsyncGenerator[Event], told: asyncio.Queue[Event]) -> None:
    async with aclosing(events):
        async for event in events:
            await told.put(event)


async def _next(told: asyncio.Queue[Event], task: asyncio.Task[None]) -> Event | None:
    """None once the task has ended and all that it told was heard."""
    heard = asyncio.create_task(told.get())
    try:
        await asyncio.wait({heard, task}, return_when=asyncio.FIRST_COMPLETED)
        if heard.done():
            return heard.result()
    finally:
        heard.cancel()
    return told.get_nowait() if not told.empty() else None
