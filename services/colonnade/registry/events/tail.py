"""Knows the newest event's number, and wakes those who wait for a newer one."""

import asyncio
from contextlib import suppress

from colonnade.errors import ColonnadeError
from colonnade.registry.events.ports import Newest
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


class Tail:
    """One small query for all who wait, however many there are."""

    def __init__(self, store: Newest, *, poll_seconds: float) -> None:
        """What this process writes is seen once it calls ``wake``, what others write within
        ``poll_seconds``."""
        self._store = store
        self._poll_seconds = poll_seconds
        self._last = 0
        self._woken, self._grown = asyncio.Event(), asyncio.Event()
        self.closed = False

    def wake(self) -> None:
        """Something was written here."""
        self._woken.set()

    def close(self) -> None:
        """Nobody waits any longer."""
        self.closed = True
        self._grown.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                self._saw(await self._store.last())
            except ColonnadeError as error:
                _LOG.warning("events are not seen for now", reason=error.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def beyond(self, number: int, seconds: float) -> bool:
        """Whether there is a newer event than ``number``; waits for one, or until it is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._last <= number and not self.closed:
                    await self._grown.wait()
        return self._last > number

    def _saw(self, last: int) -> None:
        if last > self._last:
            self._last = last
            self._grown.set()
            if not self.closed:
                self._grown = asyncio.Event()
