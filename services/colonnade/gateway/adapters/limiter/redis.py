"""A limiter that all gateways share, on the Redis protocol.

While Redis is away, each gateway counts for itself, against a share of every limit. It tries Redis again once
a second, with one request.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from colonnade.gateway.adapters.limiter.memory import MemoryLimiter
from colonnade.gateway.adapters.limiter.script import SCRIPT
from colonnade.gateway.domain.fair_use import Demand, Measure, Refusal, Rule, Standing, Verdict
from colonnade.storage.redis import SharedRedis

_PREFIX = "colonnade:limits"


class RedisLimiter:
    """Close it."""

    def __init__(
        self,
        url: str,
        *,
        local_share: float,
        redis_clock: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``redis_clock`` stands in for the server's own clock."""
        self._redis = SharedRedis(
            url,
            away="limits hold here alone",
            back="limits hold for all gateways together",
            text=True,
            clock=clock,
            share=local_share,
        )
        self._script = self._redis.client.register_script(SCRIPT)
        self._share = local_share
        self._redis_clock = redis_clock
        self._local = MemoryLimiter(clock)

    async def take(self, demand: Demand) -> Verdict:
        answer = await self._run("take", demand.rules, demand.lease, demand.seconds, demand.tokens)
        if answer is not None:
            return _verdict(demand.rules, answer)
        return replace(await self._local.take(self._reduced(demand)), local=True)

    async def settle(self, demand: Demand, verdict: Verdict, tokens: int) -> None:
        if verdict.local:
            await self._local.settle(self._reduced(demand), verdict, tokens)
            return
        # Where Redis is away, the place is free once the lease has run out.
        await self._run("settle", demand.rules, demand.lease, demand.seconds, demand.tokens - tokens)

    async def look(self, rules: Sequence[Rule]) -> Verdict:
        answer = await self._run("look", rules, "", 0, 0)
        if answer is not None:
            return _verdict(rules, answer)
        return replace(await self._local.look([self._reduce(rule) for rule in rules]), local=True)

    async def close(self) -> None:
        await self._redis.close()

    async def _run(
        self, act: str, rules: Sequence[Rule], lease: str, seconds: float, amount: int
    ) -> list[Any] | None:
        """What the script answers; None while Redis is away."""
        now = "" if self._redis_clock is None else repr(self._redis_clock())
        limits = [limit for rule in rules for limit in (rule.requests, rule.tokens, rule.concurrent)]
        keys = [key for rule in rules for key in _keys(rule)]
        args: list[str | int | float] = [act, now, lease, seconds, amount, *limits]
        answer: list[Any] | None = await self._redis.tried(lambda: self._script(keys=keys, args=args))
        return answer

    def _reduced(self, demand: Demand) -> Demand:
        return replace(demand, rules=tuple(self._reduce(rule) for rule in demand.rules))

    def _reduce(self, rule: Rule) -> Rule:
        """A share of each limit, but something."""

        def part(limit: int) -> int:
            return max(1, int(limit * self._share)) if limit else 0

        return Rule(rule.scope, part(rule.requests), part(rule.tokens), part(rule.concurrent))


def _keys(rule: Rule) -> tuple[str, str]:
    """A tenant's keys lie on one node of a cluster: that is what the braces are for."""
    scope = rule.scope
    bucket = f"{_PREFIX}:{{{scope.tenant}}}:{scope.kind}:{scope.name}"
    return bucket, f"{bucket}:running"


def _verdict(rules: Sequence[Rule], answer: list[Any]) -> Verdict:
    refusing, measure, seconds, *numbers = answer
    standings = tuple(
        Standing(float(numbers[at]), float(numbers[at + 1]), int(numbers[at + 2]))
        for at in range(0, len(numbers), 3)
    )
    refusal = Refusal(int(refusing) - 1, Measure(measure), float(seconds)) if int(refusing) else None
    return Verdict(tuple(rules), standings, refusal)
