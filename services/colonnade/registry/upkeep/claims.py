"""Claims of blobs that are about to be named, kept alive for as long as their writer lives."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.registry.service import utc_now
from colonnade.registry.upkeep.ports import Claim, ClaimBook, LeaseLost
from colonnade.telemetry import get_logger

LEASE = timedelta(minutes=2)
_PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 0.1
_RETRY_AFTER_SECONDS = 30
_LOG = get_logger(__name__)


class BlobClaims:
    """Implements ``ports.Claims``. ``registry`` is this one's name among those that share a database."""

    def __init__(
        self,
        book: ClaimBook,
        registry: str,
        *,
        lease: timedelta = LEASE,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._book = book
        self._registry = registry
        self._lease = lease
        self._patience = patience_seconds
        self._clock = clock

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Claim]:
        writer = f"{self._registry}/{uuid.uuid4().hex}"
        await self._book.open(writer, self._clock() + self._lease)
        renewing = asyncio.create_task(self._keep(writer))
        try:
            yield _Claim(writer, self._book, self._patience, self._clock)
        finally:
            renewing.cancel()
            with suppress(ColonnadeError):  # it runs out by itself
                await asyncio.shield(self._book.close(writer))

    async def _keep(self, writer: str) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 4)
            try:
                await self._book.renew(writer, self._clock() + self._lease)
            except LeaseLost:
                return  # who names the blobs will be told
            except ColonnadeError as error:
                _LOG.warning("a claim was not renewed; it will be tried again", reason=error.message)


class _Claim:
    def __init__(self, writer: str, book: ClaimBook, patience: float, clock: Callable[[], datetime]) -> None:
        self.id = writer
        self._book = book
        self._patience = patience
        self._clock = clock

    async def add(self, digests: Collection[str]) -> None:
        deadline = asyncio.get_running_loop().time() + self._patience
        while await self._book.claim(self.id, digests, self._clock()):
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(
                    "the same content is being collected just now; try again",
                    retry_after_seconds=_RETRY_AFTER_SECONDS,
                )
            await asyncio.sleep(_PAUSE_SECONDS)


class Unclaimed:
    """Where nothing is ever collected."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Claim]:
        yield _Nothing()


class _Nothing:
    id = ""

    async def add(self, digests: Collection[str]) -> None:
        """There is nobody to keep it from."""
