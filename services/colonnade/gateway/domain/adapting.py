"""Adaptations, as the ethics service tells of them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NewAdaptation:
    """What is 0 or empty is the ethics service's to choose."""

    model: str
    version: int = 0
    sources: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    answers: int = 0
    reward_model: str = ""
    steps: int = 0
    policy: str = ""
    route: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class PairCount:
    source: str
    tried: int
    """Prompts, or pieces of feedback."""
    pairs: int
    lowered: int
    """Of revisions: how often the scorers liked the revised answer better."""


@dataclass(frozen=True, slots=True)
class AdaptationFigure:
    """``low`` to ``high`` is a 95 % interval."""

    measure: str
    before: float
    before_low: float
    before_high: float
    after: float
    after_low: float
    after_high: float
    count: int


@dataclass(frozen=True, slots=True)
class Adaptation:
    id: str
    model: str
    version: int
    digest: str
    sources: tuple[str, ...]
    answers: int
    reward_model: str
    steps: int
    policy: str
    route: str
    state: str
    created_at: datetime
    by: str
    done: int = 0
    """Of the state's steps, of ``total``."""
    total: int = 0
    pairs: tuple[PairCount, ...] = ()
    job: str = ""
    adapted: int | None = None
    """The version that came of it."""
    figures: tuple[AdaptationFigure, ...] = ()
    rollout: str = ""
    why: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AdaptationPage:
    adaptations: tuple[Adaptation, ...]
    next_page: str = ""


@dataclass(frozen=True, slots=True)
class AdaptationPair:
    source: str
    prompt: str
    chosen: str
    rejected: str
    chosen_harm: float
    """By the scorers, 0 to 1."""
    rejected_harm: float


@dataclass(frozen=True, slots=True)
class AdaptationPairPage:
    pairs: tuple[AdaptationPair, ...]
    next_page: str = ""
