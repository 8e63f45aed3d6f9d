"""Training jobs, as the gateway shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class JobOrder:
    recipe: str
    """YAML."""
    kind: str = ""
    """Empty: train."""
    priority: int = 0
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Empty means all."""

    states: tuple[str, ...] = ()
    kind: str = ""
    name: str = ""
    by: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Produced:
    """The version that a job made."""

    model: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class JobEvent:
    at: datetime
    what: str
    by: str
    words: str


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    kind: str
    name: str
    state: str
    message: str
    step: int
    total_steps: int
    priority: int
    metrics: Mapping[str, float]
    attempt: int
    lost: int
    retry_of: str
    place: str
    tenant: str
    by: str
    recipe_digest: str
    produced: Produced | None
    created_at: datetime
    since: datetime
    started_at: datetime | None
    seen_at: datetime | None
    ended_at: datetime | None
    revision: int
    recipe: str = ""
    """Of one that was asked for by its id; so are the events."""
    events: tuple[JobEvent, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class JobPage:
    jobs: tuple[Job, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at a step."""

    step: int
    at: datetime
    evaluation: bool
    metrics: Mapping[str, float] = field(default_factory=dict)
    """NaN and infinities among them."""


@dataclass(frozen=True, slots=True)
class LogLine:
    line: str
    offset: int
    """Where to read on behind it."""


@dataclass(frozen=True, slots=True)
class Alive:
    """There is nothing new of a job that is watched."""


Watched: TypeAlias = Point | LogLine | Job | Alive
"""The job comes last, when it has ended."""
