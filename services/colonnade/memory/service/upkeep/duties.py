"""Duties, and who sees to them: one after the other, and ever more rarely where one fails.

Nothing that goes wrong here ends the service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, backoff
from colonnade.memory import metrics
from colonnade.memory.domain.ids import utc_now
from colonnade.memory.ports import Clock, Leases
from colonnade.telemetry import get_logger

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_LOG = get_logger(__name__)


@dataclass(slots=True)
class Duty:
    """``turn`` does a bounded piece of work, and says whether there is more to do at once.

    What it does may be done twice, and broken off anywhere: another turn makes it good."""

    name: str
    turn: Callable[[], Awaitable[bool]]
    every: float
    """Seconds from a turn that left nothing to do to the next."""
    alone: bool = True
    """One service at a time, of those that share a database."""
    due: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class Upkeep:
    """``holder`` names this service among those of a database, whichever process runs it."""

    duties: Sequence[Duty]
    leases: Leases
    holder: str
    lease_seconds: float = 120.0
    tick_seconds: float = 1.0
    clock: Clock = utc_now
    monotonic: Callable[[], float] = time.monotonic
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _until: datetime | None = None
    _stopping: bool = False

    def wake(self, name: str) -> None:
        """The duty of that name is due, unless it waits after a failure."""
        for duty in self.duties:
            if duty.name == name and not duty.failures:
                duty.due = 0.0
        self._woken.set()

    def stop(self) -> None:
        """Ends ``run`` after the turn that is under way."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Until ``stop``: then others may go on at once."""
        while not self._stopping:
            self._woken.clear()
            if not await self.once():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.tick_seconds):
                        await self._woken.wait()
        with suppress(ColonnadeError):
            await self.leases.release(self.holder)

    async def once(self) -> bool:
        """A turn of each duty that is due; whether one has more to do."""
        busy = False
        for duty in self.duties:
            if not self._stopping and self.monotonic() >= duty.due:
                busy = await self._turn(duty) or busy
        return busy

    async def _turn(self, duty: Duty) -> bool:
        try:
            more = (not duty.alone or await self._held()) and await duty.turn()
        except ColonnadeError as error:
            _LOG.warning("left for later", duty=duty.name, reason=error.message)
        except Exception:  # what ends here goes on no more until the next start
            _LOG.exception("left for later", duty=duty.name)
        else:
            duty.failures, duty.due = 0, self.monotonic() + (0.0 if more else duty.every)
            return more
        metrics.FAILURES.labels(duty.name).inc()
        duty.failures += 1
        duty.due = self.monotonic() + backoff(duty.failures, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)
        return False

    async def _held(self) -> bool:
        """It is renewed when half of it is over."""
        now, lease = self.clock(), timedelta(seconds=self.lease_seconds)
        if self._until is None or self._until - now < lease / 2:
            held = await self.leases.lease(self.holder, now, now + lease)
            self._until = now + lease if held else None
        return self._until is not None
