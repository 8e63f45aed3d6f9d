"""Policies of screening and what is assigned to routes, as the gateway shows them."""

from dataclasses import dataclass
from datetime import datetime

from colonnade.gateway.domain.guarding import Action, Side


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """One version of a policy."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    version: str
    """Digest of what it means."""
    created_at: datetime | None
    """None: it came with the platform."""
    by: str
    """Empty: the platform, or somebody who was erased."""


@dataclass(frozen=True, slots=True)
class PolicyUse:
    tenant: str
    """Empty: every tenant that assigns nothing."""
    route: str
    share: int
    """Percent of the requests."""
    shadow: bool
    version: str


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    name: str
    description: str
    version: str
    """The latest."""
    versions: tuple[PolicyVersion, ...]
    """Newest first."""
    in_use: tuple[PolicyUse, ...]


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A version as it was put."""

    name: str
    description: str
    version: PolicyVersion
    yaml: str


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What a policy makes of one of its own tests."""

    text: str
    side: Side
    expected: Action
    expected_rule: str
    """Empty: any."""
    passed: bool
    action: Action
    rule: str
    """Empty: nothing was decided."""
    explanations: tuple[str, ...]
    """Of all that was decided, a sentence each."""


@dataclass(frozen=True, slots=True)
class Trials:
    name: str
    version: str
    outcomes: tuple[TrialOutcome, ...]
    """In the order of the tests."""


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """What one side of a trial has judged since it began."""

    requests: int
    refused: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """What holds on a route."""

    route: str
    policy: NamedPolicy | None
    """None: that of every route, else the default policy."""
    candidate: NamedPolicy | None
    share: int
    shadow: NamedPolicy | None
    revision: int
    at: datetime
    by: str
    why: str
    stable_counts: ArmCounts | None = None
    candidate_counts: ArmCounts | None = None


@dataclass(frozen=True, slots=True)
class NewAssignment:
    route: str
    name: str
    version: str = ""
    """Empty: the latest."""
    share: int = 100
    shadow: bool = False
    why: str = ""
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class ChangedOutcome:
    """A kept text about which a policy would decide otherwise."""

    at: datetime
    side: Side
    route: str
    before: Action
    after: Action
    rule: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class DryRun:
    name: str
    version: str
    screened: int
    changed: tuple[ChangedOutcome, ...]
    """Newest first."""
