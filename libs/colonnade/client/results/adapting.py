"""Adaptations: versions taught by preferences to do less harm."""

from dataclasses import dataclass
from datetime import datetime

ENDED = ("proposed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class AdaptationPairCount:
    source: str
    """``feedback``, ``best_of_n`` or ``revision``."""
    tried: int
    """Prompts, or pieces of feedback, that were looked at."""
    pairs: int
    lowered: int
    """Of revisions: how often the scorers liked the revised answer better."""


@dataclass(frozen=True, slots=True)
class AdaptationFigure:
    measure: str
    """``harm``, ``refusal`` (of harmless prompts) or ``perplexity``, on what was held out."""
    before: float
    before_low: float
    """Of the interval that has it with 95 %."""
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
    state: str
    """``pairing``, ``training``, ``evaluating``, ``proposed``, ``failed`` or ``cancelled``."""
    created_at: datetime
    by: str = ""
    """Empty: somebody who was erased."""
    answers: int = 0
    reward_model: str = ""
    steps: int = 0
    policy: str = ""
    route: str = ""
    done: int = 0
    """Of the state's steps, of ``total``."""
    total: int = 0
    pairs: tuple[AdaptationPairCount, ...] = ()
    job: str = ""
    """The training job."""
    adapted: int | None = None
    """The version that came of it."""
    figures: tuple[AdaptationFigure, ...] = ()
    rollout: str = ""
    """The one that was proposed."""
    why: str = ""
    """Where it failed."""
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class AdaptationPair:
    source: str
    prompt: str
    chosen: str
    rejected: str
    chosen_harm: float
    """By the scorers, 0 to 1."""
    rejected_harm: float
