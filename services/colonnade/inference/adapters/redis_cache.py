"""Answers that all inference services share, on the Redis protocol.

The server bounds them: give it ``maxmemory`` and ``maxmemory-policy allkeys-lru``. While it is away every
look is a miss that costs nothing; it is tried again once a second, with one request.
"""

import hashlib
import struct
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from colonnade.errors import Unavailable
from colonnade.inference.domain import Kept, Place
from colonnade.inference.ports import StoreFigures
from colonnade.storage.redis import AWAY, SharedRedis

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
        self._redis = SharedRedis(
            url, away="answers are not kept", back="answers are kept again", clock=clock
        )
        self._entry_bytes, self._milliseconds = entry_bytes, max(1, int(1000 * seconds))

    async def get(self, place: Place) -> Kept | None:
        found = await self._redis.tried(lambda: self._redis.client.get(_key(place)))
        return None if found is None else _opened(place, found)

    async def put(self, place: Place, kept: Kept) -> None:
        if len(kept.body) <= self._entry_bytes:
            value = _closed(place, kept)
            await self._redis.tried(lambda: self._redis.client.set(_key(place), value, px=self._milliseconds))

    async def purge(self, digest: str, tenant: str) -> int:
        pattern = f"{_PREFIX}:{_of(tenant) if tenant else '*'}:{_of(digest) if digest else '*'}:*"
        try:
            return sum([await self._redis.client.unlink(*keys) async for keys in self._scanned(pattern)])
        except AWAY as error:
            self._redis.lost(error)
            raise Unavailable(
                "the cache's Redis is away, so that its answers are as they were; purge again",
                retry_after_seconds=1,
            ) from None

    def figures(self) -> StoreFigures:
        return StoreFigures("redis")

    async def close(self) -> None:
        await self._redis.close()

    async def _scanned(self, pattern: str) -> AsyncGenerator[list[Any], None]:
        """The keys that match, some at a time."""
        cursor = 0
        while True:
            cursor, keys = await self._redis.client.scan(cursor, match=pattern, count=_AT_ONCE)
            if keys:
                yield keys
            if not cursor:
                return


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
