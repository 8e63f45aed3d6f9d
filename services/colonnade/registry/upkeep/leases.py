"""The lease under which one registry at a time collects or backs up."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError
from colonnade.registry.service import utc_now
from colonnade.registry.upkeep.ports import LeaseLost, UpkeepBook
from colonnade.telemetry import get_logger

LEASE = timedelta(minutes=2)
_LOG = get_logger(__name__)


class Leases:
    def __init__(
        self,
        book: UpkeepBook,
        registry: str,
        *,
        lease: timedelta = LEASE,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._book = book
        self._registry = registry
        self._lease = lease
        self._clock = clock

    @asynccontextmanager
    async def held(self) -> AsyncIterator[str]:
        """``Conflict`` where somebody has it. Yields the holder's name."""
        holder = f"{self._registry}/{uuid.uuid4().hex}"
        now = self._clock()
        await self._book.lease(holder, now, now + self._lease)
        renewing = asyncio.create_task(self._keep(holder))
        try:
            yield holder
        finally:
            renewing.cancel()
            with suppress(ColonnadeError):  # it runs out by itself
                await asyncio.shield(self._book.release(holder))

    async def _keep(self, holder: str) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 4)
            try:
                await self._book.renew(holder, self._clock() + self._lease)
            except LeaseLost:
                return
            except ColonnadeError as error:
                _LOG.warning("the lease was not renewed; it will be tried again", reason=error.message)
