"""Limits as callers meet them: refused cheaply, told in headers, settled with what was really used."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from colonnade.errors import Unavailable
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.fair_use import Kind, LimitRecord, Quota, Scope
from colonnade.gateway.domain.generation import Chunk, Token
from colonnade.gateway.domain.keys import IssuedKey, KeyOrder
from colonnade.gateway.domain.usage import Account, Amounts, Entry, today
from colonnade.gateway.service.doorkeeper import utc_now
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import House, finish

ADMIN = Caller(Principal("local", "local", frozenset({Role.ADMIN})), "test")
ASK = {"prompt": "x" * 40, "max_tokens": 9}
"""An estimate of 20 tokens; the fake takes 3 and 2."""


async def key(house: House, tenant: str = "acme", role: Role = Role.CALLER) -> IssuedKey:
    if not await house.store.ever():
        await house.keys.create(ADMIN, KeyOrder("local", frozenset({Role.ADMIN})))
    return await house.keys.create(ADMIN, KeyOrder(tenant, frozenset({role})))


async def limit(house: House, scope: Scope, **quota: int) -> None:
    await house.limit_store.put(LimitRecord(scope, Quota(**quota), utc_now(), "test"))
    house.fair_use.book.changed(scope)


def of_key(issued: IssuedKey) -> Scope:
    return Scope(Kind.KEY, issued.record.key.tenant, issued.record.id)


async def ask(house: House, secret: str, **more: Any) -> httpx.Response:
    async with house.client(secret) as client:
        return await client.post("/generate", json=ASK | more)


async def test_without_limits_nothing_is_told_and_all_is_counted(house: House) -> None:
    mine = await key(house)
    reply = await ask(house, mine.secret)
    assert reply.status_code == 200
    assert not [name for name in reply.headers if name.startswith("x-ratelimit")]
    account = Account("acme", mine.record.id, "tiny")
    assert house.ledger.entries == [Entry(account, today(utc_now()), Amounts(1, 3, 0, 2))]


async def test_every_answer_tells_what_is_left(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), requests_per_minute=2, tokens_per_minute=100)
    first = await ask(house, mine.secret)
    assert first.status_code == 200
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-reset-requests"] == "30s"
    assert first.headers["x-ratelimit-limit-tokens"] == "100"
    assert first.headers["x-ratelimit-remaining-tokens"] == "80"
    second = await ask(house, mine.secret, stream=True)
    assert second.headers["x-ratelimit-remaining-requests"] == "0"
    third = await ask(house, mine.secret)
    assert third.status_code == 429
    assert third.headers["x-ratelimit-remaining-requests"] == "0"
    assert 29 <= int(third.headers["retry-after"]) <= 31
    error = third.json()["error"]
    assert error["code"] == "overloaded"
    assert error["details"]["field"] == "requests_per_minute"
    assert error["details"]["limit"] == 2
    assert len(house.ledger.entries) == 2


async def test_a_flood_is_refused_before_anyone_is_asked(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), requests_per_minute=1)
    assert (await ask(house, mine.secret)).status_code == 200
    assert (await ask(house, mine.secret)).status_code == 429
    asked = len(house.catalog.calls)
    replies = [await ask(house, mine.secret) for _ in range(20)]
    assert {reply.status_code for reply in replies} == {429}
    assert all(reply.headers["x-ratelimit-remaining-requests"] == "0" for reply in replies)
    assert len(house.catalog.calls) == asked
    other = await key(house)
    assert (await ask(house, other.secret)).status_code == 200


async def test_the_tightest_scope_holds_and_is_told(house: House) -> None:
    mine, beside = await key(house), await key(house)
    await limit(house, of_key(mine), requests_per_minute=100)
    await limit(house, Scope(Kind.TENANT, "acme"), requests_per_minute=3)
    await limit(house, Scope(Kind.MODEL, "acme", "tiny"), tokens_per_minute=1000)
    reply = await ask(house, mine.secret)
    assert reply.headers["x-ratelimit-limit-requests"] == "3"
    assert reply.headers["x-ratelimit-limit-tokens"] == "1000"
    await ask(house, beside.secret)
    await ask(house, beside.secret)
    refused = await ask(house, mine.secret)
    assert refused.status_code == 429
    assert "the tenant acme may make 3 requests a minute" in refused.json()["error"]["message"]
    stranger = await key(house, "umbrella")
    assert (await ask(house, stranger.secret)).status_code == 200


async def test_defaults_hold_for_whoever_has_no_limits(house: House) -> None:
    house.quotas[Kind.KEY] = Quota(requests_per_minute=1)
    mine, favoured = await key(house), await key(house)
    await limit(house, of_key(favoured), requests_per_minute=0)
    assert [(await ask(house, mine.secret)).status_code for _ in range(2)] == [200, 429]
    assert [(await ask(house, favoured.secret)).status_code for _ in range(3)] == [200] * 3


async def test_tokens_are_settled_with_what_was_used(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), tokens_per_minute=25)
    assert (await ask(house, mine.secret)).status_code == 200
    await house.settled()
    reply = await ask(house, mine.secret)
    assert reply.status_code == 200, "5 of 25 were used, not 20"
    assert reply.headers["x-ratelimit-remaining-tokens"] == "0"


async def test_what_no_bucket_holds_is_refused_for_good(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), tokens_per_minute=50)
    for body in ({"max_tokens": 50}, {"n": 5}):
        reply = await ask(house, mine.secret, **body)
        assert reply.status_code == 400
        error = reply.json()["error"]
        assert error["details"]["field"] == "max_tokens"
        assert error["details"]["limit"] == 50
    assert (await ask(house, mine.secret)).status_code == 200


async def test_embeddings_and_scores_count_too(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), requests_per_minute=2)
    async with house.client(mine.secret) as client:
        embedded = await client.post("/embed", json={"input": ["ab", "c"]})
        scored = await client.post("/score", json={"text": "abc", "context": "d"})
        refused = await client.post("/embed", json={"input": "a"})
    assert (embedded.status_code, scored.status_code, refused.status_code) == (200, 200, 429)
    assert scored.headers["x-ratelimit-remaining-requests"] == "0"
    assert [entry.amounts for entry in house.ledger.entries] == [Amounts(1, 3), Amounts(1, 4)]


async def test_a_spent_budget_is_402(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), monthly_tokens=10)
    assert [(await ask(house, mine.secret)).status_code for _ in range(3)] == [200, 200, 402]
    error = (await ask(house, mine.secret)).json()["error"]
    assert error["code"] == "budget_spent"
    assert error["details"]["limit"] == 10
    assert error["details"]["resets_at"].endswith("-01T00:00:00+00:00")
    await limit(house, of_key(mine), monthly_tokens=11)
    assert (await ask(house, mine.secret)).status_code == 200


async def test_a_place_is_free_again_however_a_request_ends(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), concurrent_requests=1)
    assert (await ask(house, mine.secret)).status_code == 200
    await house.settled()
    for after in (0, 1):
        house.generator.error, house.generator.error_after = Unavailable("gone"), after
        assert (await ask(house, mine.secret)).status_code == 503
        await house.settled()
    house.generator.error = None
    house.catalog.error = Unavailable("away")
    house.catalog.error = None
    assert (await ask(house, mine.secret)).status_code == 200
    await house.settled()
    running = (await house.limiter.look([])).standings
    assert running == ()


async def test_so_many_run_at_once(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), concurrent_requests=1)
    house.generator.gate = asyncio.Event()
    first = asyncio.create_task(ask(house, mine.secret))
    await house.generator.entered.wait()
    refused = await ask(house, mine.secret)
    assert refused.status_code == 429
    assert refused.json()["error"]["details"]["field"] == "concurrent_requests"
    house.generator.gate.set()
    assert (await first).status_code == 200
    await house.settled()
    assert (await ask(house, mine.secret)).status_code == 200


async def test_refusing_is_fast(house: House) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), requests_per_minute=1)
    async with house.client(mine.secret) as client:
        await client.post("/generate", json=ASK)
        seconds = []
        for _ in range(50):
            began = time.perf_counter()
            assert (await client.post("/generate", json=ASK)).status_code == 429
            seconds.append(time.perf_counter() - began)
    assert sorted(seconds)[25] < 0.05


@pytest.mark.parametrize(
    ("priority", "ceiling", "status"),
    [
        (0, None, 200),
        (-10, None, 200),
        (1, None, 403),
        (5, 5, 200),
        (6, 5, 403),
        (-3, -5, 403),
        (-5, -5, 200),
    ],
)
async def test_a_key_has_a_ceiling(house: House, priority: int, ceiling: int | None, status: int) -> None:
    mine = await key(house)
    if ceiling is not None:
        await limit(house, of_key(mine), max_priority=ceiling)
    reply = await ask(house, mine.secret, priority=priority)
    assert reply.status_code == status
    if status == 200:
        assert house.generator.specs[-1].priority == priority
    else:
        assert reply.json()["error"]["details"]["field"] == "priority"


async def test_without_keys_every_priority_is_yours(house: House) -> None:
    assert (await ask(house, "", priority=10)).status_code == 200
    reply = await ask(house, "", priority=11)
    assert reply.status_code == 400
    assert reply.json()["error"]["details"]["field"] == "priority"


async def test_an_engine_that_dies_is_counted_by_what_came(house: House) -> None:
    mine = await key(house)
    house.generator.chunks = [
        Chunk("a", (Token(1, "a"),)),
        Chunk("b", (Token(2, "b"), Token(3, "c")), finish()),
    ]
    house.generator.error, house.generator.error_after = Unavailable("gone"), 1
    await ask(house, mine.secret)
    assert [entry.amounts for entry in house.ledger.entries] == [Amounts(1, 0, 0, 1)]
    house.generator.error_after = 0
    await ask(house, mine.secret)
    assert len(house.ledger.entries) == 1, "nothing came of it"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_an_answer_left_open_holds_less_than_a_whole_context(house: House, path: str) -> None:
    mine = await key(house)
    await limit(house, of_key(mine), tokens_per_minute=1000)
    said = {"messages": [{"role": "user", "content": "x"}]} if "chat" in path else {"input": "x"}
    async with house.client(mine.secret) as client:
        reply = await client.post(path, json={"model": "tiny"} | said)
    assert reply.status_code == 200, reply.text
