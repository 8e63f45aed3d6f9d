"""Jobs in the words of their protobuf contract, and back."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.errors import InvalidArgument
from colonnade.training.domain import Event, Job, State
from colonnade.training.ports import Entry, Filter
from colonnade.training.service import Detail, Order

_STATES: Mapping[State, "messages.JobState.ValueType"] = {
    State.QUEUED: messages.JOB_STATE_QUEUED,
    State.RUNNING: messages.JOB_STATE_RUNNING,
    State.STOPPING: messages.JOB_STATE_STOPPING,
    State.PUBLISHING: messages.JOB_STATE_PUBLISHING,
    State.SUCCEEDED: messages.JOB_STATE_SUCCEEDED,
    State.FAILED: messages.JOB_STATE_FAILED,
    State.CANCELLED: messages.JOB_STATE_CANCELLED,
}
_MEANT: Mapping[int, State] = {number: state for state, number in _STATES.items()}
_MEASURED = ("step", "evaluation")


def order(request: messages.SubmitJobRequest) -> Order:
    return Order(request.recipe, request.kind, request.priority, request.idempotency_key)


def filter_of(request: messages.ListJobsRequest) -> Filter:
    states = [number for number in (request.state, *request.states) if number]
    return Filter(request.tenant, frozenset(map(_state, states)), request.kind, request.name, request.by)


def job(found: Job, recipe: str = "") -> messages.Job:
    return messages.Job(
        id=found.id,
        kind=found.asked.kind,
        recipe=recipe,
        state=_STATES[found.state],
        message=found.why,
        step=found.step,
        total_steps=found.asked.total_steps,
        priority=found.asked.priority,
        created_at=_moment(found.created_at),
        started_at=_moment(found.started_at),
        ended_at=_moment(found.ended_at),
        name=found.asked.name,
        recipe_digest=found.asked.recipe_digest,
        tenant=found.tenant,
        by=found.by,
        attempt=found.attempt,
        place=found.place,
        lost=found.lost,
        metrics=dict(found.metrics),
        retry_of=found.retry_of,
        since=_moment(found.since),
        seen_at=_moment(found.seen_at),
        revision=found.revision,
        produced_model=found.produced.model if found.produced else "",
        produced_version=found.produced.number if found.produced else 0,
        produced_digest=found.produced.digest if found.produced else "",
    )


def detail(found: Detail) -> messages.GetJobResponse:
    return messages.GetJobResponse(job=job(found.job, found.recipe), events=_events(found.events))


def measured(entry: Entry, from_step: int) -> messages.WatchMetricsResponse | None:
    """None for what was not measured, or of an earlier step."""
    if entry.kind not in _MEASURED or entry.step < from_step:
        return None
    return messages.WatchMetricsResponse(
        step=entry.step,
        metrics=dict(entry.values),
        at=_moment(datetime.fromtimestamp(entry.at, UTC)),
        evaluation=entry.kind == "evaluation",
    )


def line(entry: Entry) -> messages.ReadLogsResponse:
    return messages.ReadLogsResponse(line=entry.line, offset=entry.end)


def _events(found: Iterable[Event]) -> list[messages.JobEvent]:
    return [messages.JobEvent(at=_moment(e.at), what=e.what, by=e.by, words=e.words) for e in found]


def _state(number: int) -> State:
    """A newer client's state is one that no job here is in; it is refused rather than left out."""
    if number not in _MEANT:
        raise InvalidArgument(f"states: there is no state {number}", field="states")
    return _MEANT[number]


def _moment(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    moment = Timestamp()
    moment.FromDatetime(at)
    return moment
