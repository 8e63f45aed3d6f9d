"""Fair use: how much a key, a tenant, and a tenant on one model may take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

MAX_PRIORITY = 10
WINDOW_SECONDS = 60.0
"""The limits on requests and tokens are a minute's."""


class Kind(StrEnum):
    """On what a limit stands."""

    KEY = "key"
    TENANT = "tenant"
    MODEL = "model"
    """A tenant's use of one model."""


@dataclass(frozen=True, slots=True)
class Scope:
    kind: Kind
    tenant: str
    name: str = ""
    """The key's id, or the model's name."""

    def __str__(self) -> str:
        """As a message names it."""
        if self.kind is Kind.KEY:
            return f"the key {self.name}"
        if self.kind is Kind.TENANT:
            return f"the tenant {self.tenant}"
        return f"the tenant {self.tenant} on the model {self.name}"


@dataclass(frozen=True, slots=True)
class Quota:
    """What a scope may take. 0 is no limit; None is whatever the defaults say."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    monthly_tokens: int | None = None
    max_priority: int | None = None
    """Of keys alone: the highest priority that a request may have."""

    def over(self, default: "Quota") -> "Quota":
        """This one, and the default where it says nothing."""
        names = [each.name for each in fields(self)]
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(default, **given)


@dataclass(frozen=True, slots=True)
class Rule:
    """A scope's limits as a limiter enforces them; 0 is no limit."""

    scope: Scope
    requests: int = 0
    tokens: int = 0
    concurrent: int = 0

    @property
    def limits_something(self) -> bool:
        return bool(self.requests or self.tokens or self.concurrent)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request takes, of all its scopes together or of none."""

    rules: tuple[Rule, ...]
    tokens: int
    """An estimate; settled when the request has ended."""
    lease: str
    """Names this request among those that run."""
    seconds: float
    """It runs no longer than this; the place of one whose gateway died is free then."""


class Measure(StrEnum):
    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENCY = "concurrency"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a scope stands after a request was let in or refused."""

    requests: float = 0.0
    """Left of those of a minute."""
    tokens: float = 0.0
    """The same; below 0 where requests took more than was estimated."""
    running: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which of the rules refused, for want of what, and after how many seconds it would not."""

    rule: int
    measure: Measure
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    rules: tuple[Rule, ...]
    """Those that were enforced: stricter ones than asked for where ``local``."""
    standings: tuple[Standing, ...]
    """One a rule."""
    refusal: Refusal | None = None
    local: bool = False
    """Judged by this process alone, because what all share is away."""


@dataclass(frozen=True, slots=True)
class Left:
    """One measure, as an answer's headers tell it."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of it is there again."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to the caller, of the scope that has least."""

    requests: Left | None = None
    tokens: Left | None = None


def allowance(verdict: Verdict) -> Allowance:
    pairs = list(zip(verdict.rules, verdict.standings, strict=True))
    requests = [left(rule.requests, now.requests) for rule, now in pairs if rule.requests]
    tokens = [left(rule.tokens, now.tokens) for rule, now in pairs if rule.tokens]
    return Allowance(_least(requests), _least(tokens))


def left(limit: int, level: float) -> Left:
    missing = max(0.0, limit - level)
    return Left(limit, max(0, math.floor(level)), missing * WINDOW_SECONDS / limit)


def _least(found: Sequence[Left]) -> Left | None:
    """The tightest; of equals, the one that takes longest to be whole again."""
    return min(found, key=lambda each: (each.remaining, -each.reset), default=None)


@dataclass(frozen=True, slots=True)
class LimitRecord:
    """A scope's own limits, and who set them."""

    scope: Scope
    quota: Quota
    updated_at: datetime
    updated_by: str
