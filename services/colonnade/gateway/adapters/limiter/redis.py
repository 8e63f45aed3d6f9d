"""A limiter that all gateways share, on the Redis protocol.

While Redis is away, each gateway counts for itself, against a share of every limit. It tries Redis again once
a second, with one request.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from colonnade.gateway.adapters.limiter.memory import MemoryLimiter
from colonnade.gateway.adapters.limiter.script import SCRIPT
from colonnade.gateway.domain.fair_use import Demand, Measure, Refusal, Rule, Standing, Verdict
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_TIMEOUT_SECONDS = 0.25
"""A Redis that takes longer is away: requests wait for it."""
_AGAIN_SECONDS = 1.0
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
        self._client: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            # Once, for a connection that a restarted server has forgotten.
            retry=Retry(NoBackoff(), 1),
        )
        self._script = self._client.register_script(SCRIPT)
        self._share = local_share
        self._redis_clock = redis_clock
        self._clock = clock
        self._local = MemoryLimiter(clock)
        self._again_at: float | None = None
        """When to try again; None while Redis is there."""

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
        await self._client.aclose()

    async def _run(
        self, act: str, rules: Sequence[Rule], lease: str, seconds: float, amount: int
    ) -> list[Any] | None:
        """What the script answers; None while Redis is away."""
        if not self._may_try():
            return None
        now = "" if self._redis_clock is None else repr(self._redis_clock())
        limits = [limit for rule in rules for limit in (rule.requests, rule.tokens, rule.concurrent)]
        try:
            answer: list[Any] = await self._script(
                keys=[key for rule in rules for key in _keys(rule)],
                args=[act, now, lease, seconds, amount, *limits],
            )
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        self._found()
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
            _LOG.warning("redis away; limits hold here alone", share=self._share, reason=type(error).__name__)
        self._again_at = self._clock() + _AGAIN_SECONDS

    def _found(self) -> None:
        if self._again_at is not None:
            _LOG.info("redis is back; limits hold for all gateways together")
        self._again_at = None

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
