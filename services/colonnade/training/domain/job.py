"""The states of a job. Pure: from one job, what happened and the time, to the next.

    queued ----> running ----> publishing ----> succeeded, failed
     ^  |          |  |            |
     |  |    (lost)|  +------> stopping ----> cancelled, or succeeded where it was done before
     |  |          |
     +--|----------+      failed and cancelled may be resumed: queued again, in the same folder
        +---> cancelled

A run that registers nothing is never publishing. An import has no worker: it is publishing as soon as it is
started, and stopping while what was begun of it is called off.

Each start is a new attempt; its number grows and never comes back. What is said of an attempt that is not
the job's own any more changes nothing: so a worker that was given up cannot end its successor's job.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from colonnade.errors import Conflict
from colonnade.security.identity import Principal
from colonnade.training.domain.output import ModelVersion, Output
from colonnade.training.domain.worker import Ending

IMPORT = "import"
KINDS = ("train", "evaluate", "convert", IMPORT)
_MOST_METRICS = 64
_WORDS = 2000


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    """Somebody cancelled it, and its worker has not ended yet."""
    PUBLISHING = "publishing"
    """Its worker is done, or it has none; the registry is told what came of it."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    @property
    def under_way(self) -> bool:
        """Is waited for beside the registry: for its worker, which takes a slot, if it has one."""
        return self in (State.RUNNING, State.STOPPING)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job is to do, as its submitter said; a retry asks for the same once more."""

    kind: str
    name: str
    """The recipe's."""
    total_steps: int
    recipe_digest: str
    priority: int = 0
    """The highest goes first."""
    output: Output = field(default_factory=Output)
    brings: Mapping[str, str] = field(default_factory=dict)
    """The registry's models that its worker is to find in its folder: the recipe's field, and a reference."""
    source: str = ""
    """Of an import: where the registry fetches it from."""

    @property
    def has_worker(self) -> bool:
        return self.kind != IMPORT


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job."""

    at: datetime
    what: str
    by: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker is, and its last figures."""

    step: int
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    """Sorts by the time of submission."""
    tenant: str
    by: str
    """``tenant/subject`` of who submitted it."""
    asked: Asked
    state: State
    since: datetime
    """When the state began."""
    created_at: datetime
    attempt: int = 0
    """Grows by one with each start; 0: none yet. What an older attempt says counts no more."""
    place: str = ""
    """Where the attempt runs, as its runner says."""
    lost: int = 0
    """Workers in a row that ended without an ending, since it was submitted or resumed."""
    step: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last of each, finite ones alone."""
    why: str = ""
    """Why it is where it is, for people."""
    retry_of: str = ""
    seen_at: datetime | None = None
    """When its worker last gave a sign of life."""
    started_at: datetime | None = None
    """First."""
    ended_at: datetime | None = None
    revision: int = 1
    behalf: Principal | None = None
    """In whose name, and with which rights, it asks the registry: who submitted it, as they were then."""
    vouched_at: datetime | None = None
    """When somebody who may last asked for it; rights of long ago are no rights."""
    brought: Mapping[str, ModelVersion] = field(default_factory=dict)
    """What ``asked.brings`` meant when the run first began: it goes on from no other."""
    produced: ModelVersion | None = None


def submitted(
    id: str,  # noqa: A002 - the job's own
    by: str,
    asked: Asked,
    now: datetime,
    *,
    behalf: Principal | None = None,
) -> Job:
    """``by`` is ``tenant/subject``."""
    tenant = by.partition("/")[0]
    return Job(id, tenant, by, asked, State.QUEUED, now, now, behalf=behalf, vouched_at=now)


def retried(job: Job, id: str, by: str, now: datetime, *, behalf: Principal | None = None) -> Job:  # noqa: A002
    """A new job that asks for the same, from its beginning, for the same tenant.

    Where somebody of another tenant asks for that, what it makes stays the first submitter's: nobody's recipe
    acts with the rights of whoever looks after the platform. ``Conflict`` before its end."""
    if not job.state.ended:
        raise Conflict(
            f"the job is {job.state}; wait for its end, or cancel it, and retry it then",
            state=job.state.value,
        )
    mine = behalf if behalf is not None and behalf.tenant == job.tenant else job.behalf
    return replace(submitted(id, by, job.asked, now, behalf=mine), tenant=job.tenant, retry_of=job.id)


def started(job: Job, now: datetime, *, place: str = "") -> Job:
    """A new attempt. Whoever starts its worker does so afterwards; without one the registry is next."""
    if job.state is not State.QUEUED:
        raise Conflict(f"the job is {job.state}; only a queued job is started", state=job.state.value)
    first = job.started_at or now
    state = State.RUNNING if job.asked.has_worker else State.PUBLISHING
    begun = replace(job, state=state, since=now, why="", seen_at=now, started_at=first)
    return replace(begun, attempt=job.attempt + 1, place=place)


def seen(job: Job, attempt: int, progress: Progress | None, now: datetime) -> Job:
    """Its worker gives a sign of life, and perhaps says how far it is."""
    if not _is_of(job, attempt):
        return job
    job = replace(job, seen_at=now, why="" if job.state is State.RUNNING else job.why)
    if progress is None:
        return job
    return replace(job, step=max(progress.step, 0), metrics=_kept(job.metrics, progress.metrics))


def concluded(job: Job, attempt: int, ending: Ending, words: str, now: datetime, *, most_lost: int) -> Job:
    """Its worker runs no more."""
    if not _is_of(job, attempt):
        return job
    if ending is Ending.DONE:
        return _done(job, words, now)
    if job.state is State.STOPPING:
        return ended(job, State.CANCELLED, job.why, now)
    if ending in (Ending.REFUSED, Ending.SICK):
        return ended(job, State.FAILED, words or f"its worker ended: {ending}", now)
    said = "its worker was stopped by somebody else" if ending is Ending.STOPPED else "its worker was lost"
    return lost(job, attempt, f"{said}: {words}" if words else said, now, most_lost=most_lost)


def lost(job: Job, attempt: int, why: str, now: datetime, *, most_lost: int) -> Job:
    """Its worker is given up. The run goes on from its last checkpoint, unless that happened too often."""
    if not _is_of(job, attempt):
        return job
    if job.state is State.STOPPING:
        return ended(job, State.CANCELLED, job.why, now)
    times = job.lost + 1
    if times > most_lost:
        words = f"{why}; that was worker {times} in a row, and {most_lost} may be lost. Resume it to go on"
        return ended(replace(job, lost=times), State.FAILED, words, now)
    words = f"{why}; it waits to go on from its last checkpoint"
    return replace(job, state=State.QUEUED, since=now, lost=times, why=shortened(words))


def cancelled(job: Job, now: datetime, *, by: str, why: str = "") -> Job:
    """At once where no worker is, and nothing to be called off; else as soon as that has ended. Nothing where
    it is so already."""
    if job.state in (State.STOPPING, State.CANCELLED):
        return job
    if job.state.ended:
        raise Conflict(
            f"the job has ended: it is {job.state}, and there is nothing to cancel", state=job.state.value
        )
    words = f"cancelled by {by}: {why}" if why else f"cancelled by {by}"
    if job.state is State.QUEUED or (job.state is State.PUBLISHING and job.asked.has_worker):
        return ended(job, State.CANCELLED, words, now)
    return replace(job, state=State.STOPPING, since=now, why=shortened(words))


def emptied(job: Job) -> Job:
    """One that has ended, without what its submitter wrote and without their rights: what it made stays."""
    asked = replace(job.asked, source="", output=replace(job.asked.output, description=""))
    return replace(job, asked=asked, why="", behalf=None)


def resumed(job: Job, now: datetime, *, by: str) -> Job:
    """Queued again: it goes on from its last checkpoint."""
    if job.state not in (State.FAILED, State.CANCELLED):
        raise Conflict(f"the job is {job.state}; {_REMEDIES[job.state]}", state=job.state.value)
    words = f"resumed by {by}"
    queued = replace(job, state=State.QUEUED, since=now, lost=0, why=shortened(words), ended_at=None)
    return replace(queued, vouched_at=now)


_LATE = "it was done before it could be stopped"
_REMEDIES: Mapping[State, str] = {
    State.QUEUED: "it begins, or goes on, when its turn comes",
    State.RUNNING: "there is nothing to resume",
    State.STOPPING: "wait until it is cancelled, and resume it then",
    State.PUBLISHING: "wait until the registry has what comes of it",
    State.SUCCEEDED: "retry it for a new run of the same recipe",
}


def _is_of(job: Job, attempt: int) -> bool:
    return job.state.under_way and job.attempt == attempt and job.asked.has_worker


def _done(job: Job, words: str, now: datetime) -> Job:
    stopping = job.state is State.STOPPING
    if not job.asked.output.register:
        return ended(job, State.SUCCEEDED, _LATE if stopping else words, now)
    if stopping:
        return ended(job, State.CANCELLED, f"{job.why}; {_LATE}. Resume it to register what it made", now)
    return replace(job, state=State.PUBLISHING, since=now, why=shortened(words))


def ended(job: Job, state: State, why: str, now: datetime) -> Job:
    """In one of the states that nothing leaves by itself."""
    return replace(job, state=state, since=now, why=shortened(why), ended_at=now)


def _kept(before: Mapping[str, float], now: Mapping[str, float]) -> Mapping[str, float]:
    """The last of each; what came first stays where there are too many."""
    merged = {**before, **{name: value for name, value in now.items() if math.isfinite(value)}}
    return dict(list(merged.items())[:_MOST_METRICS])


def shortened(words: str) -> str:
    """As much as a job keeps."""
    return words if len(words) <= _WORDS else words[: _WORDS - 1] + "…"
