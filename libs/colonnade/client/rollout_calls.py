"""Rollouts: what is sent, and what comes back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path
from colonnade.client.results import AliasTarget

_PAGE = 100


@dataclass(frozen=True, slots=True)
class RolloutStep:
    percent: int
    seconds: float = 0.0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Gate:
    probe: str
    bound: str
    texts: str = ""
    optional: bool = False
    every_seconds: float = 0.0
    """Asked again so often while the candidate is watched; 0 for never."""


@dataclass(frozen=True, slots=True)
class Plan:
    gates: tuple[Gate, ...] = ()
    shadow: RolloutStep | None = None
    steps: tuple[RolloutStep, ...] = ()
    objectives: Mapping[str, str] = field(default_factory=dict)
    """Bounds by measure."""
    least_requests: int = 20


@dataclass(frozen=True, slots=True)
class GateResult:
    probe: str
    bound: str
    outcome: str
    """``passed``, ``failed`` or ``skipped``."""
    figure: float | None = None
    stable: float | None = None
    """The stable version's figure."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Since the state, or the step, began. None where nothing was seen to tell it by."""

    requests: int = 0
    failures: int = 0
    error_rate: float | None = None
    first_token_p95: float | None = None
    """Seconds."""
    tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class RolloutOutcomes:
    candidate: Figures = Figures()
    stable: Figures = Figures()


@dataclass(frozen=True, slots=True)
class RolloutEvent:
    at: datetime
    what: str
    by: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """``outcomes`` and ``events`` are filled by ``rollouts.get``."""

    id: str
    model: str
    alias: str
    candidate: int
    """The version that is on its way."""
    state: str
    """``gates``, ``shadow``, ``canary``; in the end ``promoted``, ``refused``, ``rolled_back`` or
    ``cancelled``."""
    plan: Plan = Plan()
    policy: str = ""
    stable: tuple[AliasTarget, ...] = ()
    """What the alias meant when it began."""
    targets: tuple[AliasTarget, ...] = ()
    """What it means by the rollout now."""
    step: int = 0
    """Of the canary, from 0."""
    paused: bool = False
    reason: str = ""
    gates: tuple[GateResult, ...] = ()
    since: datetime | None = None
    created_at: datetime | None = None
    created_by: str = ""
    updated_at: datetime | None = None
    revision: int = 0
    outcomes: RolloutOutcomes = RolloutOutcomes()
    events: tuple[RolloutEvent, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state not in ("gates", "shadow", "canary")

    @property
    def promoted(self) -> bool:
        return self.state == "promoted"


@dataclass(frozen=True, slots=True)
class Policy:
    """A plan with a name."""

    name: str
    description: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Page:
    rollouts: tuple[Rollout, ...]
    next_page_token: str = ""


def start(
    model: str,
    version: int,
    alias: str | None,
    policy: str | None,
    plan: Mapping[str, Any] | None,
    why: str | None,
) -> Call[Rollout]:
    """Safe to repeat: the platform knows the key again."""
    body = _given(
        model=model,
        version=version,
        alias=alias,
        policy=policy,
        plan=dict(plan) if plan is not None else None,
        why=why,
    )
    key = uuid.uuid4().hex
    return Call(
        Request("POST", "/rollouts", body, repeatable=True, idempotency_key=key), parsing.one(Rollout)
    )


def get(rollout_id: str) -> Call[Rollout]:
    return Call(Request("GET", _path("rollouts", rollout_id), repeatable=True), parsing.one(Rollout))


def page(model: str | None, under_way: bool, token: str) -> Call[Page]:
    asked = _given(page_size=_PAGE, model=model or None, page_token=token or None)
    query = urlencode(asked | ({"under_way": "true"} if under_way else {}))
    return Call(Request("GET", f"/rollouts?{query}", repeatable=True), parsing.one(Page))


def change(rollout_id: str, act: str, why: str | None, expected_revision: int | None) -> Call[Rollout]:
    body = _given(why=why, expected_revision=expected_revision)
    return Call(Request("POST", _path("rollouts", rollout_id, act), body), parsing.one(Rollout))


def policies() -> Call[list[Policy]]:
    return Call(Request("GET", "/policies", repeatable=True), parsing.listed("policies", Policy))
