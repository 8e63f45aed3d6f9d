"""A training job in a few lines."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from colonnade.cli.course import measured

if TYPE_CHECKING:
    from colonnade.client import Job

_VALIDATION = "validation."


def frame(job: "Job") -> Iterator[str]:
    steps = f", step {job.step} of {job.total_steps}" if job.total_steps else f", {job.kind}"
    yield f"{job.id}  {job.name}  {job.state}{steps}"
    if job.message:
        yield f"  {job.message}"
    yield from _figures(job)
    if made := job.produced:
        yield f"  made {made.model}:{made.version}  {made.digest}"
    yield f"  submitted {_moment(job.created_at)} by {job.by}, priority {job.priority}{_retry(job)}"
    if job.started_at:
        lost = f", {job.lost} lost in a row" if job.lost else ""
        place = f" in {job.place}" if job.place else ""
        yield f"  started {_moment(job.started_at)}, attempt {job.attempt}{place}{lost}"
    if job.ended_at:
        yield f"  ended {_moment(job.ended_at)}"
    for event in job.events:
        yield f"  {_moment(event.at)}  {event.what}  {event.by}  {event.words}".rstrip()


def _figures(job: "Job") -> Iterator[str]:
    """All but those of each block, which are in the log."""
    learning = {name: value for name, value in job.metrics.items() if not name.startswith(_VALIDATION)}
    validation = {
        name.removeprefix(_VALIDATION): value
        for name, value in job.metrics.items()
        if name.startswith(_VALIDATION)
    }
    first = "learning" if job.kind == "train" else job.kind
    for name, values in ((first, learning), ("validation", validation)):
        if found := measured(values):
            yield f"  {name}: {found}"


def _retry(job: "Job") -> str:
    return f", a retry of {job.retry_of}" if job.retry_of else ""


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
