"""What training jobs come back as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

_ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Produced:
    """The version that a job made."""

    model: str
    version: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class JobEvent:
    at: datetime
    what: str
    """``submitted``, ``started``, ``lost``, ...; the names of states among them."""
    by: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """``recipe`` and ``events`` are filled by ``jobs.get``."""

    id: str
    kind: str
    name: str
    """The recipe's."""
    state: str
    """``queued``, ``running``, ``stopping``, ``publishing``; in the end ``succeeded``, ``failed`` or
    ``cancelled``."""
    message: str = ""
    """Why it is where it is."""
    step: int = 0
    total_steps: int = 0
    priority: int = 0
    """The highest goes first."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """The last of each; an evaluation's begin with ``validation.``."""
    attempt: int = 0
    """How often a worker was started for it."""
    lost: int = 0
    """Workers in a row that ended without an ending."""
    retry_of: str = ""
    """The job that this one asks for once more."""
    place: str = ""
    """Where the attempt runs."""
    tenant: str = ""
    by: str = ""
    """``tenant/subject`` of who submitted it."""
    recipe_digest: str = ""
    produced: Produced | None = None
    created_at: datetime | None = None
    since: datetime | None = None
    """When the state began."""
    started_at: datetime | None = None
    seen_at: datetime | None = None
    """When its worker last gave a sign of life."""
    ended_at: datetime | None = None
    revision: int = 0
    recipe: str = ""
    """YAML, as it was submitted."""
    events: tuple[JobEvent, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state in _ENDED

    @property
    def succeeded(self) -> bool:
        return self.state == "succeeded"


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at a step. Steps that are run again are told again, and the later one counts."""

    step: int
    at: datetime
    evaluation: bool = False
    """Measured on documents that nothing is learnt from."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """None for what is no finite number."""


@dataclass(frozen=True, slots=True)
class LogLine:
    line: str
    """JSON, as the run wrote it."""
    offset: int
    """Where to read on behind it."""
