"""Rollouts as the gateway shows them, and what it saw of their versions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.gateway.domain.models import AliasTarget
from colonnade.telemetry.first_tokens import CLASSES, FIRST_TOKEN_BOUNDS, class_of, quantile

_P95 = 0.95


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request of a version ended."""

    failed: bool = False
    first_token: float | None = None
    """Seconds until the answer began; None where it has no tokens."""
    tokens: int = 0
    """After each answer's first."""
    decode_seconds: float = 0.0
    """From each answer's first token to its last."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Sums over requests that have ended."""

    requests: int = 0
    failures: int = 0
    tokens: int = 0
    decode_seconds: float = 0.0
    first_tokens: tuple[int, ...] = (0,) * CLASSES
    """By the classes of ``telemetry.first_tokens``."""

    def with_one(self, outcome: Outcome) -> "Outcomes":
        if outcome.failed:
            return Outcomes(
                self.requests + 1, self.failures + 1, self.tokens, self.decode_seconds, self.first_tokens
            )
        classes = list(self.first_tokens)
        if outcome.first_token is not None:
            classes[class_of(outcome.first_token)] += 1
        return Outcomes(
            self.requests + 1,
            self.failures,
            self.tokens + outcome.tokens,
            self.decode_seconds + outcome.decode_seconds,
            tuple(classes),
        )

    @property
    def error_rate(self) -> float | None:
        return self.failures / self.requests if self.requests else None

    @property
    def first_token_p95(self) -> float | None:
        """Seconds; what takes longer than the last class's lower end counts as that."""
        found = quantile(self.first_tokens, _P95)
        return FIRST_TOKEN_BOUNDS[-1] if found == math.inf else found

    @property
    def tokens_per_second(self) -> float | None:
        return self.tokens / self.decode_seconds if self.tokens and self.decode_seconds > 0 else None


@dataclass(frozen=True, slots=True)
class Seen:
    """What this gateway saw of a rollout in one phase, since it started."""

    rollout: str
    phase: str
    candidate: Outcomes = Outcomes()
    stable: Outcomes = Outcomes()


@dataclass(frozen=True, slots=True)
class Gate:
    probe: str
    bound: str
    texts: str = ""
    optional: bool = False
    every_seconds: float = 0.0
    """Asked again so often while the candidate is watched; 0 for never."""


@dataclass(frozen=True, slots=True)
class Step:
    percent: int
    seconds: float = 0.0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollout has to pass. A bound is a number, or ``1.5x``: a multiple of the stable version's."""

    gates: tuple[Gate, ...] = ()
    shadow: Step | None = None
    steps: tuple[Step, ...] = ()
    objectives: Mapping[str, str] = field(default_factory=dict)
    least_requests: int = 20


@dataclass(frozen=True, slots=True)
class RolloutOrder:
    """What the registry is asked to begin."""

    model: str
    version: int
    alias: str = ""
    policy: str = ""
    plan: Plan | None = None
    why: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    outcome: str
    """passed, failed or skipped."""
    figure: float | None = None
    stable: float | None = None
    """The stable version's figure."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    what: str
    by: str
    words: str


@dataclass(frozen=True, slots=True)
class Rollout:
    id: str
    model: str
    alias: str
    candidate: int
    stable: tuple[AliasTarget, ...]
    plan: Plan
    policy: str
    state: str
    step: int
    paused: bool
    reason: str
    gates: tuple[GateResult, ...]
    targets: tuple[AliasTarget, ...]
    since: datetime
    created_at: datetime
    created_by: str
    updated_at: datetime
    revision: int
    candidate_outcomes: Outcomes = Outcomes()
    """Since the state, or the step, began; in what ``get`` finds."""
    stable_outcomes: Outcomes = Outcomes()
    events: tuple[Event, ...] = ()
    """Oldest first; in what ``get`` finds."""


@dataclass(frozen=True, slots=True)
class RolloutPage:
    rollouts: tuple[Rollout, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A plan with a name."""

    name: str
    description: str
    plan: Plan
