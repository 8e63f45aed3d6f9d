"""Training jobs as JSON, and what they measure and write as server-sent events."""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.gateway.domain import jobs as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.described import Events
from colonnade.gateway.http.framing import Framing, line
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_errors import Refusal
from colonnade.security.inputs import check_text
from colonnade.security.inputs.sizes import KIB

STEP = OFFSET = Range(0, 2**62)
_PRIORITY = Range(-100, 100)
_RECIPE_BYTES = 256 * KIB
_WHY_BYTES, _NAME_BYTES = 1000, 512
State = Literal["queued", "running", "stopping", "publishing", "succeeded", "failed", "cancelled"]


class JobBody(Strict):
    recipe: str = Field(description="YAML, as `python -m colonnade.learn run` takes it; 256 KiB at most.")
    kind: str | None = Field(
        default=None, description="The recipe's own, if given: train, evaluate, convert, import."
    )
    priority: int = Field(
        default=0,
        description="The highest goes first.",
        json_schema_extra={"minimum": _PRIORITY.low, "maximum": _PRIORITY.high},
    )

    def order(self, key: str) -> domain.JobOrder:
        _PRIORITY.check("priority", self.priority)
        recipe = check_text(self.recipe, "recipe", _RECIPE_BYTES, controls="text")
        return domain.JobOrder(recipe, named(self.kind or "", "kind"), self.priority, key)


class CancelBody(Strict):
    why: str | None = Field(default=None, description="Kept with the record.")

    @property
    def reason(self) -> str:
        return check_text(self.why or "", "why", _WHY_BYTES, allow_empty=True, controls="text")


class NoBody(Strict):
    """Nothing can be said."""


class Produced(BaseModel):
    model: str
    version: int
    digest: str


class Job(BaseModel):
    id: str
    kind: str
    name: str = Field(description="The recipe's.")
    state: State
    message: str = Field(description="Why it is where it is.")
    step: int
    total_steps: int
    priority: int
    metrics: dict[str, float] = Field(
        description="The last of each; an evaluation's begin with `validation.`"
    )
    attempt: int = Field(description="How often a worker was started for it.")
    lost: int = Field(description="Workers in a row that ended without an ending.")
    retry_of: str = Field(description="The job that this one asks for once more; empty: none.")
    place: str = Field(description="Where the attempt runs.")
    tenant: str
    by: str = Field(description="Tenant and subject of who submitted it.")
    recipe_digest: str = Field(description="Of its text.")
    produced: Produced | None = Field(description="The version that it made.")
    created_at: datetime
    since: datetime = Field(description="When the state began.")
    started_at: datetime | None = Field(description="First.")
    seen_at: datetime | None = Field(description="When its worker last gave a sign of life.")
    ended_at: datetime | None
    revision: int = Field(description="Grows by one with each change.")

    @classmethod
    def of(cls, job: domain.Job) -> "Job":
        return cls(**_values(job))


class JobEvent(BaseModel):
    at: datetime
    what: str = Field(description="submitted, started, lost, or the state that it came to.")
    by: str
    words: str


class JobDetail(Job):
    recipe: str = Field(description="YAML, as it was submitted.")
    events: list[JobEvent] = Field(description="Oldest first.")

    @classmethod
    def of(cls, job: domain.Job) -> "JobDetail":
        events = [JobEvent.model_validate(each, from_attributes=True) for each in job.events]
        return cls(**_values(job), recipe=job.recipe, events=events)


class JobsOut(BaseModel):
    jobs: list[Job] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty on the last page.")


class Point(BaseModel):
    step: int
    at: datetime
    evaluation: bool = Field(description="Measured on documents that nothing is learnt from.")
    metrics: dict[str, float | None] = Field(description="Null for what is no finite number.")

    @classmethod
    def of(cls, point: domain.Point) -> "Point":
        figures = {name: value if math.isfinite(value) else None for name, value in point.metrics.items()}
        return cls(step=point.step, at=point.at, evaluation=point.evaluation, metrics=figures)


class PointsOut(BaseModel):
    points: list[Point] = Field(
        description="In the order in which they were measured. Steps that were run again are there again, "
        "and the later one counts."
    )


class LogLine(BaseModel):
    line: str = Field(description="JSON, as the run wrote it.")
    offset: int = Field(description="Where to read on behind it.")

    @classmethod
    def of(cls, found: domain.LogLine) -> "LogLine":
        return cls(line=found.line, offset=found.offset)


class LinesOut(BaseModel):
    lines: list[LogLine]
    offset: int = Field(description="Where to read on.")


def point(found: domain.Point) -> Mapping[str, Any]:
    return Point.of(found).model_dump(mode="json")


def log_line(found: domain.LogLine) -> Mapping[str, Any]:
    return LogLine.of(found).model_dump(mode="json")


class WatchRenderer:
    """Of a stream: what comes, and in the end the job."""

    status = 200

    def headers(self) -> Mapping[str, str]:
        return {}

    def events(self, item: domain.Watched) -> Iterator[Mapping[str, Any]]:
        if isinstance(item, domain.Alive):
            yield {}
        elif isinstance(item, domain.Job):
            yield Job.of(item).model_dump(mode="json")
        else:
            yield point(item) if isinstance(item, domain.Point) else log_line(item)

    def whole(self, items: list[domain.Watched]) -> Mapping[str, Any]:
        raise NotImplementedError("a stream has no whole")


def framed(data: Mapping[str, Any]) -> bytes:
    """A comment where there is nothing new: the stream is alive."""
    if not data:
        return b": alive\n\n"
    return b"event: end\n" * ("id" in data) + b"data: " + line(data) + b"\n\n"


FRAMING = Framing(framed, b"")


def named(text: str, field: str) -> str:
    return check_text(text, field, _NAME_BYTES, allow_empty=True, controls="line")


def _values(job: domain.Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in Job.model_fields} | {
        "metrics": {name: value for name, value in job.metrics.items() if math.isfinite(value)},
        "produced": Produced.model_validate(job.produced, from_attributes=True) if job.produced else None,
    }


def _example(*items: domain.Point | domain.LogLine) -> Iterable[Mapping[str, Any]]:
    at = datetime.fromisoformat("2026-03-01T09:30:00+00:00")
    made = domain.Produced("shakespeare", 1, "sha256:" + "0" * 64)
    ended = domain.Job(
        "job_1", "train", "shakespeare", "succeeded", "", 400, 400, 0, {"loss": 4.2}, 1, 0, "", "laptop",
        "local", "local/ann", "sha256:" + "1" * 64, made, at, at, at, at, at, 7,
    )  # fmt: skip
    return [data for item in (*items, ended) for data in WatchRenderer().events(item)]


_AT = datetime.fromisoformat("2026-03-01T09:29:00+00:00")
POINT_EVENTS = Events(
    Point,
    list(_example(domain.Point(10, _AT, evaluation=False, metrics={"loss": 6.1}))),
    Refusal,
    done=False,
    end=Job,
)
LINE_EVENTS = Events(
    LogLine,
    list(_example(domain.LogLine('{"event": "step", "step": 10, "loss": 6.1}', 44))),
    Refusal,
    done=False,
    end=Job,
)
