"""Lets requests in as far as their key, tenant and model allow; counts what they took."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from colonnade.errors import BudgetSpent, ColonnadeError, InvalidArgument, Overloaded, PermissionDenied
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.fair_use import (
    MAX_PRIORITY,
    Allowance,
    Demand,
    Kind,
    Measure,
    Quota,
    Refusal,
    Rule,
    Scope,
    Verdict,
    allowance,
)
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.usage import Account, Entry, next_month, today
from colonnade.gateway.ports import Limiter, UsageLedger
from colonnade.gateway.service.doorkeeper import utc_now
from colonnade.gateway.service.fair_use.budgets import Budgets
from colonnade.gateway.service.fair_use.estimate import estimate
from colonnade.gateway.service.fair_use.limit_book import LimitBook
from colonnade.security.identity import Principal
from colonnade.telemetry.metrics import counter

_LIMITED = counter("gateway_limited", "requests", "Requests refused for fair use", ("reason", "scope"))
_SLACK_SECONDS = 30.0
"""A place outlives its request's deadline by this much, if nobody frees it."""
_LONGEST_SECONDS = 3600.0
_CLOSED_SECONDS = 1.0
"""How long a scope that has no request left is refused without another look."""
_MOST_CLOSED = 4096
_FIELDS = {
    Measure.REQUESTS: "requests_per_minute",
    Measure.TOKENS: "tokens_per_minute",
    Measure.CONCURRENCY: "concurrent_requests",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request was let in with."""

    scopes: tuple[Scope, ...]
    demand: Demand
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Closed:
    """A scope that has no request left, and what is said of it."""

    until: float
    refusal: Overloaded
    allowance: Allowance


class FairUse:
    """Close it before the ledger: what requests took may still be on its way."""

    def __init__(
        self,
        book: LimitBook,
        limiter: Limiter,
        ledger: UsageLedger,
        budgets: Budgets,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.book = book
        self.limiter = limiter
        self.budgets = budgets
        self._ledger = ledger
        self._now = now
        self._clock = clock
        self._closed: OrderedDict[Scope, _Closed] = OrderedDict()
        self._settling: set[asyncio.Task[None]] = set()

    def turn_away(self, exchange: Exchange) -> None:
        """Refuses at once where a look a moment ago has shown that no request is left to key or tenant."""
        for scope in scopes_of(exchange.principal):
            closed = self._closed.get(scope)
            if closed is None:
                continue
            if closed.until > self._clock():
                exchange.allowance = closed.allowance
                _LIMITED.labels(Measure.REQUESTS, scope.kind).inc()
                raise closed.refusal.with_traceback(None)  # else it would grow with every raise
            del self._closed[scope]

    async def admit(self, exchange: Exchange) -> Grant:
        """Takes what the request may need. Raises ``PermissionDenied``, ``InvalidArgument``,
        ``BudgetSpent`` or ``Overloaded``, each naming the limit."""
        assert exchange.target is not None, "the version is drawn before"
        scopes = (
            *scopes_of(exchange.principal),
            Scope(Kind.MODEL, exchange.principal.tenant, exchange.target.name),
        )
        quotas = await self.book.quotas(scopes)
        _check_priority(exchange, scopes, quotas)
        # Only where something is limited: what is not costs nothing.
        rules = tuple(rule for rule in map(rule_of, scopes, quotas) if rule.limits_something)
        tokens = estimate(exchange.wanted)
        _check_fits(rules, tokens)
        await self._check_budgets(scopes, quotas)
        demand = Demand(rules, tokens, exchange.lease, self._seconds(exchange))
        verdict = await self._taken(demand) if rules else Verdict((), ())
        exchange.allowance = allowance(verdict)
        if verdict.refusal is not None:
            raise self._refused(verdict, verdict.refusal, exchange.allowance)
        return Grant(scopes, demand, verdict)

    def settle(self, exchange: Exchange, grant: Grant) -> None:
        """The request has ended, and nothing more of it will come: counts it, frees its place."""
        tally, taken = exchange.tally, grant.demand
        if tally.began:
            self._record(exchange, grant)
        if taken.rules:
            used = tally.amounts.tokens
            self._soon(self.limiter.settle(taken, grant.verdict, used))

    async def close(self) -> None:
        """Waits for what is being settled."""
        while self._settling:
            await asyncio.gather(*self._settling, return_exceptions=True)
        await self.budgets.close()

    async def _taken(self, demand: Demand) -> Verdict:
        try:
            return await self.limiter.take(demand)
        except asyncio.CancelledError:
            # Perhaps it was taken, perhaps not: the place is freed, the tokens are left to the bucket.
            self._soon(self.limiter.settle(demand, Verdict((), ()), demand.tokens))
            raise

    def _record(self, exchange: Exchange, grant: Grant) -> None:
        principal, target = exchange.principal, exchange.target
        assert target is not None, "something was generated"
        adapter = target.adapter.name if target.adapter else ""
        account = Account(principal.tenant, principal.key_id, target.name, adapter)
        entry = Entry(account, today(self._now()), exchange.tally.amounts)
        self._ledger.record(entry)
        self.budgets.add(entry, grant.scopes)

    async def _check_budgets(self, scopes: Sequence[Scope], quotas: Sequence[Quota]) -> None:
        day = today(self._now())
        for scope, quota in zip(scopes, quotas, strict=True):
            if quota.monthly_tokens and await self.budgets.spent(scope, day) >= quota.monthly_tokens:
                _LIMITED.labels("budget", scope.kind).inc()
                raise BudgetSpent(
                    f"{scope} has used up this month's {quota.monthly_tokens} tokens; wait for the "
                    "next month, or have an admin raise monthly_tokens",
                    field="monthly_tokens",
                    limit=quota.monthly_tokens,
                    scope=scope.kind.value,
                    resets_at=next_month(day).isoformat(),
                )

    def _refused(self, verdict: Verdict, refusal: Refusal, left: Allowance) -> ColonnadeError:
        rule = verdict.rules[refusal.rule]
        _LIMITED.labels(refusal.measure, rule.scope.kind).inc()
        error = _overloaded(rule, refusal, local=verdict.local)
        if refusal.measure is Measure.REQUESTS and rule.scope.kind is not Kind.MODEL:
            until = self._clock() + min(refusal.seconds, _CLOSED_SECONDS)
            self._closed[rule.scope] = _Closed(until, error, left)
            if len(self._closed) > _MOST_CLOSED:
                self._closed.popitem(last=False)
        return error

    def _seconds(self, exchange: Exchange) -> float:
        if exchange.deadline is None:
            return _LONGEST_SECONDS
        return max(0.0, exchange.deadline - self._clock()) + _SLACK_SECONDS

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


def scopes_of(principal: Principal) -> tuple[Scope, ...]:
    """Without the model. On a gateway that asks for no key there is none to limit."""
    tenant = Scope(Kind.TENANT, principal.tenant)
    if not principal.key_id:
        return (tenant,)
    return (Scope(Kind.KEY, principal.tenant, principal.key_id), tenant)


def rule_of(scope: Scope, quota: Quota) -> Rule:
    return Rule(
        scope, quota.requests_per_minute or 0, quota.tokens_per_minute or 0, quota.concurrent_requests or 0
    )


def _check_priority(exchange: Exchange, scopes: Sequence[Scope], quotas: Sequence[Quota]) -> None:
    if not isinstance(exchange.spec, GenerationSpec):
        return
    ceilings = [
        quota.max_priority for scope, quota in zip(scopes, quotas, strict=True) if scope.kind is Kind.KEY
    ]
    ceiling = (ceilings[0] or 0) if ceilings else MAX_PRIORITY
    if exchange.spec.priority > ceiling:
        _LIMITED.labels("priority", Kind.KEY).inc()
        raise PermissionDenied(
            f"your key's requests may have a priority of at most {ceiling}; lower it, or have an admin raise "
            "the key's max_priority",
            field="priority",
            limit=ceiling,
        )


def _check_fits(rules: Sequence[Rule], tokens: int) -> None:
    """What no bucket will ever hold is not worth waiting for."""
    for rule in rules:
        if rule.tokens and tokens > rule.tokens:
            _LIMITED.labels("size", rule.scope.kind).inc()
            raise InvalidArgument(
                f"the request may take {tokens} tokens (its prompt, and max_tokens for each answer), and "
                f"{rule.scope} may take {rule.tokens} a minute; lower max_tokens, or shorten the prompt",
                field="max_tokens",
                limit=rule.tokens,
                scope=rule.scope.kind.value,
            )


def _overloaded(rule: Rule, refusal: Refusal, *, local: bool) -> Overloaded:
    said = {
        Measure.REQUESTS: f"may make {rule.requests} requests a minute",
        Measure.TOKENS: f"may take {rule.tokens} tokens a minute",
        Measure.CONCURRENCY: f"may have {rule.concurrent} requests running at once",
    }
    limits = {
        Measure.REQUESTS: rule.requests,
        Measure.TOKENS: rule.tokens,
        Measure.CONCURRENCY: rule.concurrent,
    }
    seconds = max(1, math.ceil(refusal.seconds))
    here = ", at this gateway for now" if local else ""
    return Overloaded(
        f"{rule.scope} {said[refusal.measure]}{here}; try again in {seconds} s",
        field=_FIELDS[refusal.measure],
        limit=limits[refusal.measure],
        scope=rule.scope.kind.value,
        retry_after_seconds=seconds,
    )
