"""Answers that all inference services share, on the Redis protocol.

The server bounds them: give it ``maxmemory`` and ``maxmemory-policy allkeys-lru``. While it is away every
look is a miss that costs nothing; it is tried again once a second, with one request.
"""

import hashlib
import struct
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from colonnade.errors import Unavailable
from colonnade.inference.domain import Kept, Place
from colonnade.inference.ports import StoreFigures
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_TIMEOUT_SECONDS = 0.25
"""A Redis that takes longer is away: requests wait for it."""
_AGAIN_SECONDS = 1.0
_PREFIX = "colonnade:answers:1"
_AT_ONCE = 500
"""Keys that one command of a purge looks at."""
_HEAD = struct.Struct(">dHH")
"""When the answer was generated, and the lengths of the tenant and the digest that follow."""


class RedisAnswers:
    """Close it."""

    def __init__(
        self, url: str, *, entry_bytes: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Answers of more than ``entry_bytes`` are left out; all are forgotten after ``seconds``."""
        self._client: Redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            # Once, for a connection that a restarted server has forgotten.
            retry=Retry(NoBackoff(), 1),
        )
        self._entry_bytes, self._milliseconds = entry_bytes, max(1, int(1000 * seconds))
        self._clock = clock
        self._again_at: float | None = None
        """When to try again; None while Redis is there."""

    async def get(self, place: Place) -> Kept | None:
        found = await self._tried(lambda: self._client.get(_key(place)))
        return None if found is None else _opened(place, found)

    async def put(self, place: Place, kept: Kept) -> None:
        if len(kept.body) <= self._entry_bytes:
            value = _closed(place, kept)
            await self._tried(lambda: self._client.set(_key(place), value, px=self._milliseconds))

    async def purge(self, digest: str, tenant: str) -> int:
        pattern = f"{_PREFIX}:{_of(tenant) if tenant else '*'}:{_of(digest) if digest else '*'}:*"
        try:
            return sum([await self._client.unlink(*keys) async for keys in self._scanned(pattern)])
        except (RedisError, OSError) as error:
            self._lost(error)
            raise Unavailable(
                "the cache's Redis is away, so that its answers are as they were; purge again",
                retry_after_seconds=1,
            ) from None

    def figures(self) -> StoreFigures:
        return StoreFigures("redis")

    async def close(self) -> None:
        await self._client.aclose()

    async def _scanned(self, pattern: str) -> AsyncGenerator[list[Any], None]:
        """The keys that match, some at a time."""
        cursor = 0
        while True:
            cursor, keys = await self._client.scan(cursor, match=pattern, count=_AT_ONCE)
            if keys:
                yield keys
            if not cursor:
                return

    async def _tried(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """What Redis answers; None while it is away."""
        if not self._may_try():
            return None
        try:
            answer = await ask()
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        if self._again_at is not None:
            _LOG.info("redis is back; answers are kept again")
            self._again_at = None
        return answer

    def _may_try(self) -> bool:
        if self._again_at is None:
            return True
        if self._clock() < self._again_at:
            return False
        self._again_at = self._clock() + _AGAIN_SECONDS  # the others do not wait for this one
        return True

    def _lost(self, error: Exception) -> None:
        if self._again_at is None:
            _LOG.warning("redis away; answers are not kept", reason=type(error).__name__)
        self._again_at = self._clock() + _AGAIN_SECONDS


def _key(place: Place) -> str:
    return f"{_PREFIX}:{_of(place.tenant)}:{_of(place.digest)}:{place.key.hex()}"


def _of(name: str) -> str:
    """Without the characters that mean something in a pattern."""
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _closed(place: Place, kept: Kept) -> bytes:
    tenant, digest = place.tenant.encode(), place.digest.encode()
    return b"".join((_HEAD.pack(kept.at, len(tenant), len(digest)), tenant, digest, kept.body))


def _opened(place: Place, value: bytes) -> Kept | None:
    """None for what another tenant or version, or nobody of ours, has put there."""
    if len(value) < _HEAD.size:
        return None
    at, *_ = _HEAD.unpack_from(value)
    head = _closed(place, Kept(b"", at))
    return Kept(value[len(head) :], at) if value.startswith(head) else None
