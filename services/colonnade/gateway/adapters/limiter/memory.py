"""A limiter in the process: for one gateway, and for a gateway whose Redis is away."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from colonnade.gateway.domain.bucket import Bucket
from colonnade.gateway.domain.fair_use import (
    WINDOW_SECONDS,
    Demand,
    Measure,
    Refusal,
    Rule,
    Scope,
    Standing,
    Verdict,
)

BUSY_SECONDS = 1.0
"""When to come back where too much runs: nobody knows when something ends."""
_MOST = 10_000
_IDLE_SECONDS = 3 * WINDOW_SECONDS
"""A bucket that nothing was taken from for so long is full, like a new one."""


@dataclass(slots=True)
class _State:
    seen: float
    requests: Bucket | None = None
    tokens: Bucket | None = None
    running: dict[str, float] = field(default_factory=dict)
    """Leases, and when each of them ends at the latest."""

    def refresh(self, rule: Rule, now: float) -> None:
        self.seen = now
        self.requests = _refilled(self.requests, rule.requests, now)
        self.tokens = _refilled(self.tokens, rule.tokens, now)
        if rule.concurrent and len(self.running) >= rule.concurrent:
            self.running = {lease: end for lease, end in self.running.items() if end > now}

    @property
    def standing(self) -> Standing:
        return Standing(
            self.requests.level if self.requests else 0.0,
            self.tokens.level if self.tokens else 0.0,
            len(self.running),
        )


class MemoryLimiter:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: OrderedDict[Scope, _State] = OrderedDict()

    async def take(self, demand: Demand) -> Verdict:
        now = self._clock()
        states = self._refreshed(demand.rules, now)
        waits = list(_waits(demand, states))
        if waits:
            refusal = max(waits, key=lambda each: each.seconds)
            return _verdict(demand.rules, states, refusal)
        for rule, state in zip(demand.rules, states, strict=True):
            if state.requests:
                state.requests.change(-1, rule.requests)
            if state.tokens:
                state.tokens.change(-demand.tokens, rule.tokens)
            if rule.concurrent:
                state.running[demand.lease] = now + demand.seconds
        return _verdict(demand.rules, states)

    async def settle(self, demand: Demand, verdict: Verdict, tokens: int) -> None:
        for rule, state in zip(demand.rules, self._refreshed(demand.rules, self._clock()), strict=True):
            if state.tokens:
                state.tokens.change(demand.tokens - tokens, rule.tokens)
            state.running.pop(demand.lease, None)

    async def look(self, rules: Sequence[Rule]) -> Verdict:
        return _verdict(rules, self._refreshed(rules, self._clock()))

    def _refreshed(self, rules: Sequence[Rule], now: float) -> list[_State]:
        return [self._state(rule, now) for rule in rules]

    def _state(self, rule: Rule, now: float) -> _State:
        state = self._states.get(rule.scope)
        if state is None:
            self._forget(now)
            state = self._states[rule.scope] = _State(now)
        self._states.move_to_end(rule.scope)
        state.refresh(rule, now)
        return state

    def _forget(self, now: float) -> None:
        """Drops those that were not seen for longest, as far as they are full and nothing of them runs."""
        while len(self._states) >= _MOST:
            scope, oldest = next(iter(self._states.items()))
            if oldest.running or now - oldest.seen < _IDLE_SECONDS:
                return
            del self._states[scope]


def _refilled(bucket: Bucket | None, limit: int, now: float) -> Bucket | None:
    if not limit:
        return None
    if bucket is None:
        return Bucket.full(limit, now)
    bucket.refill(limit, now)
    return bucket


def _waits(demand: Demand, states: Sequence[_State]) -> Iterator[Refusal]:
    for index, (rule, state) in enumerate(zip(demand.rules, states, strict=True)):
        if state.requests and (seconds := state.requests.wait(1, rule.requests)):
            yield Refusal(index, Measure.REQUESTS, seconds)
        if state.tokens and (seconds := state.tokens.wait(demand.tokens, rule.tokens)):
            yield Refusal(index, Measure.TOKENS, seconds)
        if rule.concurrent and len(state.running) >= rule.concurrent:
            yield Refusal(index, Measure.CONCURRENCY, BUSY_SECONDS)


def _verdict(rules: Sequence[Rule], states: Sequence[_State], refusal: Refusal | None = None) -> Verdict:
    return Verdict(tuple(rules), tuple(state.standing for state in states), refusal)
