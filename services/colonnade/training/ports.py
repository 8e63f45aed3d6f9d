"""What the training service needs of the world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from colonnade.errors import Conflict
from colonnade.security.identity import Principal
from colonnade.security.inputs.once import Once
from colonnade.training.domain import Event, Job, State, Worker
from colonnade.training.queue import Waiting

Clock: TypeAlias = Callable[[], datetime]
Change: TypeAlias = Callable[[Job], tuple[Job, Event | None]]
"""What comes of a job, and what is to be told of it. Runs again where another one came between."""


class LeaseLost(Conflict):
    """Another training service hands out work by now."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs; what is empty is not asked for."""

    tenant: str = ""
    states: frozenset[State] = frozenset()
    kind: str = ""
    name: str = ""
    by: str = ""


class JobStore(Protocol):
    """Every method is one transaction; what it has returned from stays, whatever happens next."""

    async def submit(
        self, job: Job, recipe: str, event: Event, once: Once | None, *, most_queued: int
    ) -> Job:
        """Under a known key, the job that was submitted with it, or ``Conflict`` where that was another.

        ``Overloaded`` where the tenant has ``most_queued`` waiting already."""
        ...

    async def recall(self, once: Once) -> Job | None:
        """What was submitted under the key; ``Conflict`` where that was another."""
        ...

    async def find(self, job_id: str) -> Job | None: ...

    async def recipe(self, job_id: str) -> str:
        """As it was submitted. ``NotFound``."""
        ...

    async def page(self, wanted: Filter, *, before: str, limit: int) -> Sequence[Job]:
        """Newest first; those older than ``before``, if that is given."""
        ...

    async def events(self, job_id: str) -> Sequence[Event]:
        """Oldest first."""
        ...

    async def change(self, job_id: str, change: Change, *, at: datetime, holder: str = "") -> Job:
        """The job and the event, both or nothing. ``LeaseLost`` where ``holder`` is given and has no lease at
        ``at``; ``NotFound``."""
        ...

    async def under_way(self) -> Sequence[Job]:
        """All that are running or stopping."""
        ...

    async def publishing(self) -> Sequence[Job]:
        """All that the registry is told of, or fetches."""
        ...

    async def waiting(self, each: int) -> Sequence[Waiting]:
        """Of every tenant the ``each`` queued jobs whose turn comes first, of those that have workers."""
        ...

    async def lease(self, holder: str, now: datetime, until: datetime) -> bool:
        """Whether ``holder`` hands out work until then: nobody else does."""
        ...

    async def release(self, holder: str) -> None:
        """Anyone may; nothing where another one holds it."""
        ...


class Runner(Protocol):
    """Where workers run. A worker is told apart by its job and the job's attempt.

    Every method may be called again after a crash at any point of it, and does what is left to do. All raise
    ``Unavailable`` where it cannot be done now."""

    @property
    def place(self) -> str:
        """Where workers are started from here; one of another place is ``UNSEEN``, whether it runs or not."""
        ...

    async def start(self, job: Job, recipe: str) -> None:
        """Sees to it that a worker of this attempt was started, and never two. None of an older one is left.

        Nothing where the attempt was started before, or ruled out by ``stop``."""
        ...

    async def look(self, job: Job) -> Worker: ...

    async def stop(self, job: Job, *, insist: bool) -> None:
        """Asks the worker once to end with a checkpoint; ends it where ``insist`` is set. One that was never
        started is ruled out: it will be ``GONE``."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a run's log."""

    kind: str
    """step, evaluation, sample, checkpoint, note, progress, began."""
    at: float
    """Seconds since 1970."""
    step: int
    """-1 where it has none."""
    values: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    line: str = ""
    """As it stands in the log."""
    end: int = 0
    """Where to read on behind it."""


@dataclass(frozen=True, slots=True)
class Read:
    entries: Sequence[Entry]
    offset: int
    """Where to read on: behind the last whole line that was looked at."""


class Journal(Protocol):
    """The logs that workers write. They may be read while they are written."""

    async def read(self, job_id: str, offset: int) -> Read:
        """Whole lines from an offset that an earlier read returned, or 0: a bounded piece of them."""
        ...

    async def near_end(self, job_id: str) -> int:
        """An offset from which the rest can be read at once."""
        ...


class AuditTrail(Protocol):
    """``colonnade.security.audit.AuditLog`` is one."""

    async def record(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> object:
        """Returns when the record is on the disk. Raises ``Unavailable`` where that cannot be."""
        ...

    def note(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> None:
        """Writes the record soon; where it cannot be written, nobody is stopped."""
        ...
