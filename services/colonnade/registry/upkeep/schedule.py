"""Collects by itself, every so often, at whichever registry looks first."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, Conflict
from colonnade.registry.service import utc_now
from colonnade.registry.upkeep.collector import Collector
from colonnade.registry.upkeep.ports import UpkeepBook
from colonnade.security.identity import Principal
from colonnade.telemetry import get_logger

_LOOK_SECONDS = 60.0
_PRINCIPAL = Principal.service("registry")
_LOG = get_logger(__name__)


class Schedule:
    """``hours`` 0 is never."""

    def __init__(
        self,
        collector: Collector,
        book: UpkeepBook,
        *,
        hours: float,
        look_seconds: float = _LOOK_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._collector = collector
        self._book = book
        self._every = timedelta(hours=hours)
        self._look = min(look_seconds, self._every.total_seconds())
        self._clock = clock

    async def run(self) -> None:
        """Until it is cancelled."""
        while self._every:
            try:
                await self.turn()
            except Conflict:
                pass  # another registry is at it, or a backup
            except ColonnadeError as error:
                _LOG.warning("blobs were not collected; it will be tried again", reason=error.message)
            except Exception:
                _LOG.exception("blobs were not collected; it will be tried again")
            await asyncio.sleep(self._look)

    async def turn(self) -> None:
        if not await self._book.due(self._clock(), self._every):
            return
        async for step in self._collector.run(_PRINCIPAL):
            if step.done:
                _LOG.info("collected", removed=step.removed, bytes=step.removed_bytes, waiting=step.waiting)
