"""A report of a version: what was asked of it, how far that is, and what was found."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from colonnade.ethics.bias.domain.figures import Figure


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (State.DONE, State.FAILED)


@dataclass(frozen=True, slots=True)
class Version:
    name: str
    version: int
    digest: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


def by_of(tenant: str, subject: str) -> str:
    """Who began a report. Tenants have no slash in their names."""
    return f"{tenant}/{subject}"


@dataclass(frozen=True, slots=True)
class Report:
    id: str
    tenant: str
    model: Version
    sets: tuple[str, ...]
    state: State
    created_at: datetime
    by: str
    """As ``by_of`` says it; empty where they were erased."""
    done: int = 0
    """Probes, of ``total``."""
    total: int = 0
    figures: tuple[Figure, ...] = ()
    why: str = ""
    """Where it failed."""
    ended_at: datetime | None = None
