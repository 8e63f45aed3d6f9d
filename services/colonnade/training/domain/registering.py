"""What happens to a job between its worker's end and its own, and what it is brought before. Pure.

What is said of an attempt that is not the job's own any more changes nothing."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from colonnade.training.domain.job import IMPORT, Job, State, ended, shortened
from colonnade.training.domain.output import ModelVersion

_NOT: Mapping[str, str] = {
    "evaluate": "it is done, but was not recorded",
    IMPORT: "it was not imported",
}


def brought(job: Job, attempt: int, field: str, version: ModelVersion) -> Job:
    """What a reference means for this run, from now on. The first meaning stays."""
    if job.attempt != attempt or not job.state.under_way or field in job.brought:
        return job
    return replace(job, brought={**job.brought, field: version})


def noted(job: Job, attempt: int, why: str) -> Job:
    """Why it does not go on just now; its state stays."""
    if job.attempt != attempt or job.state not in (State.RUNNING, State.PUBLISHING):
        return job
    return replace(job, why=shortened(why))


def sealed(job: Job, attempt: int, version: ModelVersion) -> Job:
    """There is a version of what it made. Of a job that was cancelled in that moment too: it is there."""
    may = job.state is State.PUBLISHING or job.state.ended or _called_off_soon(job)
    return replace(job, produced=version) if may and job.attempt == attempt else job


def published(job: Job, attempt: int, words: str, now: datetime) -> Job:
    """The version is there, and what is to be said of it was said."""
    if job.attempt != attempt or job.state is not State.PUBLISHING:
        return job
    return ended(job, State.SUCCEEDED, words, now)


def not_published(job: Job, attempt: int, why: str, now: datetime) -> Job:
    """The registry will not take it; what it made stays in its folder."""
    if job.attempt != attempt or job.state is not State.PUBLISHING:
        return job
    said = _NOT.get(job.asked.kind, "its run is done, but was not registered")
    return ended(job, State.FAILED, f"{said}: {why}", now)


def fetched(job: Job, attempt: int, fraction: float, words: str, now: datetime) -> Job:
    """How far the registry is with an import's stage; ``fraction`` of it is done."""
    if job.attempt != attempt or job.state is not State.PUBLISHING:
        return job
    metrics = {"fraction": fraction} if math.isfinite(fraction) else {}
    after = replace(job, metrics=metrics, why=shortened(words))
    return job if after == job else replace(after, seen_at=now)


def called_off(job: Job, attempt: int, words: str, now: datetime) -> Job:
    """Nothing of an import that was cancelled is under way any more."""
    if job.attempt != attempt or not _called_off_soon(job):
        return job
    return ended(job, State.CANCELLED, f"{job.why}; {words}" if words else job.why, now)


def _called_off_soon(job: Job) -> bool:
    return job.state is State.STOPPING and not job.asked.has_worker
