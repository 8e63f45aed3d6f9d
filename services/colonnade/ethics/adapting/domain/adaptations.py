"""An adaptation, and how far it is."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from colonnade.ethics.adapting.domain.plans import Plan, Source
from colonnade.ethics.bias.domain.reports import Version


class State(StrEnum):
    PAIRING = "pairing"
    TRAINING = "training"
    EVALUATING = "evaluating"
    PROPOSED = "proposed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (State.PROPOSED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Count:
    """Of one source."""

    source: Source
    tried: int = 0
    """Prompts, or pairs that people's feedback came to."""
    pairs: int = 0
    lowered: int = 0
    """Of revisions: how often the scorers liked the second answer better."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Each a value with the bounds of its 95 % interval."""

    measure: str
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    count: int


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name the training service and the registry are asked, with the roles that they had then."""

    tenant: str
    subject: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adaptation:
    id: str
    plan: Plan
    version: Version
    """That is adapted."""
    created_at: datetime
    asker: Asker | None
    """None once they were erased."""
    tenant: str
    state: State = State.PAIRING
    done: int = 0
    """Of the state's steps, of which there are ``total``."""
    total: int = 0
    counts: tuple[Count, ...] = ()
    job: str = ""
    adapted: Version | None = None
    figures: tuple[Figure, ...] = ()
    rollout: str = ""
    why: str = ""
    ended_at: datetime | None = None

    @property
    def by(self) -> str:
        return f"{self.asker.tenant}/{self.asker.subject}" if self.asker else ""

    def at(self, state: State, total: int = 0) -> "Adaptation":
        return replace(self, state=state, done=0, total=total)

    def ended(self, state: State, at: datetime, why: str = "") -> "Adaptation":
        return replace(self, state=state, ended_at=at, why=why)
