"""Counts uses of what was found, beside the request that found it: nobody waits for a count."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from colonnade.errors import ColonnadeError
from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import MemoryStore
from colonnade.telemetry import get_logger

_MOST_WAITING = 1000
_LOG = get_logger(__name__)


class Uses:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._waiting: deque[tuple[Sequence[tuple[Scope, str]], datetime]] = deque(maxlen=_MOST_WAITING)
        self._counting: asyncio.Task[None] | None = None

    def count(self, ids: Sequence[tuple[Scope, str]], at: datetime) -> None:
        """Soon. Of more than a thousand searches that wait the oldest are not counted."""
        if not ids:
            return
        self._waiting.append((ids, at))
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(self._count())

    async def close(self) -> None:
        """Returns when everything is counted."""
        if self._counting is not None:
            await self._counting

    async def _count(self) -> None:
        while self._waiting:
            ids, at = self._waiting.popleft()
            try:
                await self._store.used(ids, at)
            except ColonnadeError as error:
                _LOG.warning("uses were not counted", memories=len(ids), reason=error.message)
            except Exception:
                _LOG.exception("uses were not counted", memories=len(ids))
