"""Forgets events that are old enough, where somebody wants that: an installation keeps them all by itself."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError
from colonnade.registry.events.ports import EventStore
from colonnade.registry.service import utc_now
from colonnade.telemetry import get_logger

_LOOK_SECONDS = 3600.0
_AT_ONCE = 1000
_LOG = get_logger(__name__)


class Retention:
    """``days`` 0 is forever. At each registry of a database: what one has forgotten, no other finds."""

    def __init__(
        self,
        store: EventStore,
        *,
        days: float,
        look_seconds: float = _LOOK_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._age = timedelta(days=days)
        self._look = look_seconds
        self._clock = clock

    async def run(self) -> None:
        """Until it is cancelled."""
        while self._age:
            try:
                if forgotten := await self.turn():
                    _LOG.info("events were forgotten", events=forgotten)
            except ColonnadeError as error:
                _LOG.warning("events were not forgotten; it will be tried again", reason=error.message)
            except Exception:
                _LOG.exception("events were not forgotten; it will be tried again")
            await asyncio.sleep(self._look)

    async def turn(self, at_once: int = _AT_ONCE) -> int:
        """How many went, a transaction for every so many: writers come between."""
        before, total = self._clock() - self._age, 0
        while forgotten := await self._store.forget(before, at_once):
            total += forgotten
        return total
