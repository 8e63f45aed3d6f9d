"""What happens to a job between its worker's end and its own, and what it is brought before. Pure.

What is said of an attempt that is not the job's own any more changes nothing."""

from dataclasses import replace
from datetime import datetime

from colonnade.training.domain.job import Job, State, ended, shortened
from colonnade.training.domain.output import ModelVersion


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
    may = job.state is State.PUBLISHING or job.state.ended
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
    return ended(job, State.FAILED, f"its run is done, but was not registered: {why}", now)
