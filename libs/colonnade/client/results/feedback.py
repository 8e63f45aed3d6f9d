"""What people say of answers, and the reward models that are made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AnsweredBy:
    """The version that wrote an answer."""

    digest: str
    model: str | None = None
    """None where only the digest is known."""
    version: int | None = None
    confirmed: bool = False
    """The platform saw it answer; else the giver says so."""


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Feedback:
    id: str
    kind: str
    """``thumb``, ``correction`` or ``preference``."""
    state: str
    """``waiting``, ``accepted`` or ``rejected``."""
    subject: str
    given_at: datetime | None = None
    request_id: str = ""
    answered_by: AnsweredBy | None = None
    messages: tuple[Turn, ...] = ()
    value: str | None = None
    """``up`` or ``down``, of a thumb."""
    chosen: str = ""
    rejected: str = ""
    comment: str = ""
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to what was asked, of which the first is preferred."""

    messages: tuple[Turn, ...]
    chosen: str
    rejected: str
    made_of: tuple[str, ...] = ()
    """Ids of feedback."""

    def line(self) -> dict[str, Any]:
        """As recipes with ``examples.kind: preferences`` read it."""
        plain = len(self.messages) == 1 and self.messages[0].role == "user"
        said = [{"role": turn.role, "content": turn.content} for turn in self.messages]
        prompt = self.messages[0].content if plain else said
        return {"prompt": prompt, "chosen": self.chosen, "rejected": self.rejected}


@dataclass(frozen=True, slots=True)
class RewardModel:
    id: str
    embedding_model: str
    accuracy: float
    """On pairs of prompts that nothing was learnt from; low and high: the interval that has it with 95 %."""
    accuracy_low: float
    accuracy_high: float
    learnt: int
    held_out: int
    made_at: datetime | None = None
    card: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RewardScores:
    model: str
    scores: tuple[float, ...]
    """In the order of the answers; the difference of two is log odds that people prefer the one."""
