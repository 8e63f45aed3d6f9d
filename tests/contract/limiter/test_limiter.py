"""What every limiter does, whatever it counts in."""

import asyncio

import pytest

from colonnade.gateway.domain.fair_use import Demand, Kind, Measure, Rule, Scope, Verdict
from colonnade.gateway.ports import Limiter
from tests.contract.limiter.conftest import Clock

KEY = Scope(Kind.KEY, "acme", "k1")
TENANT = Scope(Kind.TENANT, "acme")
MODEL = Scope(Kind.MODEL, "acme", "tiny")


def demand(*rules: Rule, tokens: int = 0, lease: str = "a", seconds: float = 60) -> Demand:
    return Demand(rules, tokens, lease, seconds)


async def let_in(limiter: Limiter, asked: Demand) -> Verdict:
    verdict = await limiter.take(asked)
    assert verdict.refusal is None
    return verdict


async def test_a_minutes_requests_and_then_one_as_each_comes_back(limiter: Limiter, clock: Clock) -> None:
    asked = demand(Rule(KEY, requests=3))
    levels = [(await let_in(limiter, asked)).standings[0].requests for _ in range(3)]
    assert levels == [2, 1, 0]
    refused = (await limiter.take(asked)).refusal
    assert refused is not None
    assert (refused.rule, refused.measure) == (0, Measure.REQUESTS)
    assert refused.seconds == pytest.approx(20)
    clock.now += 19.9
    assert (await limiter.take(asked)).refusal is not None
    clock.now += 0.2
    await let_in(limiter, asked)
    assert (await limiter.take(asked)).refusal is not None


async def test_tokens_are_put_right_at_the_end(limiter: Limiter, clock: Clock) -> None:
    asked = demand(Rule(KEY, tokens=600), tokens=400)
    verdict = await let_in(limiter, asked)
    assert verdict.standings[0].tokens == 200
    refused = (await limiter.take(asked)).refusal
    assert refused is not None
    assert refused.measure is Measure.TOKENS
    assert refused.seconds == pytest.approx(20)
    await limiter.settle(asked, verdict, 100)
    assert (await limiter.look(asked.rules)).standings[0].tokens == 500
    await let_in(limiter, asked)


async def test_a_debt_is_paid_off_within_a_minute(limiter: Limiter, clock: Clock) -> None:
    asked = demand(Rule(KEY, tokens=60), tokens=10)
    await limiter.settle(asked, await let_in(limiter, asked), 10_000)
    assert (await limiter.look(asked.rules)).standings[0].tokens == -60
    clock.now += 60
    assert (await limiter.look(asked.rules)).standings[0].tokens == pytest.approx(0)
    assert (await limiter.take(asked)).refusal is not None
    clock.now += 10
    await let_in(limiter, asked)


async def test_nothing_is_ever_more_than_full(limiter: Limiter, clock: Clock) -> None:
    asked = demand(Rule(KEY, requests=5, tokens=50), tokens=20)
    verdict = await let_in(limiter, asked)
    clock.now += 1000
    await limiter.settle(asked, verdict, 0)
    standing = (await limiter.look(asked.rules)).standings[0]
    assert (standing.requests, standing.tokens) == (5, 50)


async def test_so_many_run_at_once(limiter: Limiter) -> None:
    rule = Rule(KEY, concurrent=2)
    first, second, third = (demand(rule, lease=name) for name in "abc")
    verdict = await let_in(limiter, first)
    assert (await let_in(limiter, second)).standings[0].running == 2
    refused = (await limiter.take(third)).refusal
    assert refused is not None
    assert refused.measure is Measure.CONCURRENCY
    await limiter.settle(first, verdict, 0)
    assert (await let_in(limiter, third)).standings[0].running == 2


async def test_a_place_is_free_once_its_time_is_over(limiter: Limiter, clock: Clock) -> None:
    """As after the death of the gateway that held it."""
    rule = Rule(KEY, concurrent=1)
    await let_in(limiter, demand(rule, lease="dead", seconds=30))
    clock.now += 29
    assert (await limiter.take(demand(rule, lease="b"))).refusal is not None
    clock.now += 2
    await let_in(limiter, demand(rule, lease="b"))


async def test_settling_twice_frees_one_place(limiter: Limiter) -> None:
    rule = Rule(KEY, concurrent=2)
    first = demand(rule, lease="a")
    verdict = await let_in(limiter, first)
    await let_in(limiter, demand(rule, lease="b"))
    await limiter.settle(first, verdict, 0)
    await limiter.settle(first, verdict, 0)
    assert (await limiter.look([rule])).standings[0].running == 1


async def test_all_scopes_or_none(limiter: Limiter) -> None:
    rules = (Rule(KEY, requests=10), Rule(TENANT, requests=1, concurrent=5), Rule(MODEL, tokens=100))
    await let_in(limiter, demand(*rules, tokens=60))
    refused = await limiter.take(demand(*rules, tokens=60, lease="b"))
    assert refused.refusal is not None
    assert refused.refusal.rule == 1
    after = (await limiter.look(rules)).standings
    assert (after[0].requests, after[1].requests, after[1].running, after[2].tokens) == (9, 0, 1, 40)


async def test_the_longest_wait_is_told(limiter: Limiter) -> None:
    rules = (Rule(KEY, requests=60), Rule(TENANT, requests=1), Rule(MODEL, tokens=600))
    for at in range(60):
        await limiter.take(demand(Rule(KEY, requests=60), lease=str(at)))
    await let_in(limiter, demand(rules[1], rules[2], tokens=300))
    refused = (await limiter.take(demand(*rules, tokens=600))).refusal
    assert refused is not None
    assert (refused.rule, refused.measure) == (1, Measure.REQUESTS)
    assert refused.seconds == pytest.approx(60)


async def test_looking_takes_nothing(limiter: Limiter) -> None:
    rules = [Rule(KEY, requests=2, tokens=20, concurrent=2), Rule(TENANT)]
    for _ in range(5):
        found = (await limiter.look(rules)).standings
        assert (found[0].requests, found[0].tokens, found[0].running) == (2, 20, 0)
        assert (found[1].requests, found[1].tokens) == (0, 0)


async def test_what_is_too_large_waits_for_a_full_bucket(limiter: Limiter, clock: Clock) -> None:
    """A limit was lowered meanwhile: it must not wait for ever."""
    rule = Rule(KEY, tokens=100)
    await let_in(limiter, demand(rule, tokens=60))
    assert (await limiter.take(demand(rule, tokens=500))).refusal is not None
    clock.now += 60
    verdict = await let_in(limiter, demand(rule, tokens=500))
    assert verdict.standings[0].tokens == -100


async def test_a_limit_that_changes_holds_from_the_next_request_on(limiter: Limiter, clock: Clock) -> None:
    await let_in(limiter, demand(Rule(KEY, requests=100)))
    assert (await let_in(limiter, demand(Rule(KEY, requests=2)))).standings[0].requests == 1
    clock.now += 6
    assert (await let_in(limiter, demand(Rule(KEY, requests=100)))).standings[0].requests == pytest.approx(10)


async def test_scopes_do_not_share(limiter: Limiter) -> None:
    await let_in(limiter, demand(Rule(KEY, requests=1)))
    for other in (Scope(Kind.KEY, "acme", "k2"), Scope(Kind.KEY, "umbrella", "k1"), TENANT, MODEL):
        await let_in(limiter, demand(Rule(other, requests=1)))


async def test_a_clock_that_goes_back_gives_nothing(limiter: Limiter, clock: Clock) -> None:
    asked = demand(Rule(KEY, requests=1))
    await let_in(limiter, asked)
    clock.now -= 1000
    assert (await limiter.take(asked)).refusal is not None
    clock.now += 1030
    assert (await limiter.take(asked)).refusal is not None
    clock.now += 31
    await let_in(limiter, asked)


async def test_many_at_once_get_no_more_than_there_is(limiter: Limiter) -> None:
    rule = Rule(KEY, requests=20, tokens=100)
    asked = [demand(rule, tokens=7, lease=str(at)) for at in range(50)]
    verdicts = await asyncio.gather(*map(limiter.take, asked))
    assert sum(verdict.refusal is None for verdict in verdicts) == 14
