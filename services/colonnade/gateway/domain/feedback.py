"""What people say of answers, and the reward models that are made of it, as the gateway shows them."""

from dataclasses import dataclass
from datetime import datetime

KINDS = ("thumb", "correction", "preference")
STATES = ("waiting", "accepted", "rejected")


@dataclass(frozen=True, slots=True)
class AnsweredBy:
    """The version that wrote an answer."""

    model: str = ""
    """Empty where only the digest is known."""
    version: int = 0
    digest: str = ""
    """Empty where nobody knows."""
    confirmed: bool = False
    """The platform saw it answer; else the giver says so."""


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """What is empty was not said."""

    kind: str
    request_id: str = ""
    answered_by: AnsweredBy = AnsweredBy()
    prompt: tuple[Turn, ...] = ()
    chosen: str = ""
    rejected: str = ""
    up: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    id: str
    given: NewFeedback
    subject: str
    given_at: datetime
    state: str = "waiting"
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    feedback: tuple[Feedback, ...]
    next_page: str


@dataclass(frozen=True, slots=True)
class Pair:
    prompt: tuple[Turn, ...]
    chosen: str
    rejected: str
    made_of: tuple[str, ...] = ()
    """Ids of feedback."""


@dataclass(frozen=True, slots=True)
class PairPage:
    pairs: tuple[Pair, ...]
    next_page: str


@dataclass(frozen=True, slots=True)
class RewardModel:
    id: str
    made_at: datetime
    card: str
    """JSON."""
    embedding_model: str
    accuracy: float
    """On pairs that nothing was learnt from; between ``low`` and ``high`` with 95 %."""
    low: float
    high: float
    learnt: int
    held_out: int


@dataclass(frozen=True, slots=True)
class RewardScores:
    model: str
    scores: tuple[float, ...]
    """Logits, in the order of the answers."""
