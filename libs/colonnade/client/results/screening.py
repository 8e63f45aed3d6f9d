"""Policies that screen, where they judge, and what they decided."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """One version of a policy."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    version: str
    """Digest of what it means."""
    created_at: datetime | None = None
    """None: it came with the platform."""
    by: str = ""


@dataclass(frozen=True, slots=True)
class PolicyUse:
    route: str
    """``*``: every route that has no assignment of its own."""
    share: int
    """Percent of the requests."""
    version: str
    shadow: bool = False
    """It is recorded, and decides nothing."""
    tenant: str = ""
    """Empty: every tenant that assigns nothing."""


@dataclass(frozen=True, slots=True)
class ScreeningPolicy:
    name: str
    version: str
    """The latest."""
    description: str = ""
    versions: tuple[PolicyVersion, ...] = ()
    """Newest first."""
    in_use: tuple[PolicyUse, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One version, as it was put."""

    name: str
    version: str
    yaml: str
    description: str = ""
    created_at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class PutPolicy:
    name: str
    version: str
    is_new: bool
    """False: it means what a version says that is there."""
    created_at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    action: str
    rule: str = ""
    """Empty: any."""


@dataclass(frozen=True, slots=True)
class PolicyTrial:
    """What a policy made of one of its own tests."""

    text: str
    side: str
    expected: Expected
    passed: bool
    action: str
    """The gravest that was decided: ``allow``, ``mask``, ``regenerate`` or ``refuse``."""
    rule: str = ""
    """Whose that was; empty where nothing was decided."""
    explanations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyTrials:
    name: str
    version: str
    outcomes: tuple[PolicyTrial, ...] = ()
    """In the order of the tests."""

    @property
    def failed(self) -> tuple[PolicyTrial, ...]:
        return tuple(each for each in self.outcomes if not each.passed)


@dataclass(frozen=True, slots=True)
class ChangedOutcome:
    """A kept text about which the policy would decide otherwise than what is in use."""

    at: datetime
    side: str
    route: str
    before: str
    after: str
    rule: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class DryRun:
    name: str
    version: str
    screened: int
    """Texts; none are kept unless the platform is set to."""
    changed: tuple[ChangedOutcome, ...] = ()
    """Newest first."""


@dataclass(frozen=True, slots=True)
class ArmCounts:
    requests: int
    refused: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """What holds on a route."""

    route: str
    revision: int
    policy: NamedPolicy | None = None
    """None: that of ``*``, else the default policy."""
    candidate: NamedPolicy | None = None
    share: int = 0
    """Percent of the requests that the candidate judges."""
    shadow: NamedPolicy | None = None
    at: datetime | None = None
    by: str = ""
    why: str = ""
    stable_counts: ArmCounts | None = None
    """In lists, while there is a candidate: since it came."""
    candidate_counts: ArmCounts | None = None


@dataclass(frozen=True, slots=True)
class DecisionSpan:
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """What was decided about a text, on record without the text."""

    id: str
    at: datetime
    rule: str
    action: str
    policy: NamedPolicy
    side: str = ""
    category: str = ""
    scorer: str = ""
    score: float = 0.0
    span: DecisionSpan | None = None
    request_id: str = ""
    subject: str = ""
    route: str = ""
    explanation: str = ""
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class DecisionCount:
    key: str
    """A rule, an action or a day."""
    count: int
