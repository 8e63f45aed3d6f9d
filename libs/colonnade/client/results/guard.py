"""What the platform's policies decided about a request and its answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """In characters; ``end`` is exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class GuardDecision:
    """Never repeats what was found."""

    side: str
    """``input`` or ``output``."""
    rule: str
    category: str
    action: str
    """``allow``, ``mask``, ``regenerate`` or ``refuse``."""
    span: Span
    """Of ``field``, or of the answer as the model wrote it."""
    score: float
    explanation: str
    replacement: str | None = None
    reason: str | None = None
    field: str | None = None
    index: int = 0
    """Of an output: which of the answers."""


@dataclass(frozen=True, slots=True)
class GuardUse:
    decisions: tuple[GuardDecision, ...] = ()
    policy: str | None = None
    version: str | None = None
    unscreened: tuple[str, ...] = ()
    """Scorers that failed, where the policy goes on without them."""
    unavailable: str | None = None
    """Why nothing, or not all, was screened, where the platform lets that go on."""
