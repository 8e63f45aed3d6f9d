"""Training jobs on the training service's gRPC."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.training.v1 import training_pb2 as wire
from colonnade.api.training.v1.training_pb2_grpc import TrainingServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.jobs import (
    Job,
    JobEvent,
    JobFilter,
    JobOrder,
    JobPage,
    LogLine,
    Point,
    Produced,
)

_SECONDS = 10.0
_STATE = "JOB_STATE_"


class TrainingJobs:
    """Implements ``ports.JobBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = TrainingServiceStub(calls.peer.channel)

    async def submit(self, caller: Caller, order: JobOrder) -> Job:
        request = wire.SubmitJobRequest(
            kind=order.kind,
            recipe=order.recipe,
            priority=order.priority,
            idempotency_key=order.idempotency_key,
        )
        method = self._stub.SubmitJob
        return _job((await self._calls.unary(caller, method, request, wire.SubmitJobResponse, _SECONDS)).job)

    async def get(self, caller: Caller, job_id: str) -> Job:
        request, method = wire.GetJobRequest(id=job_id), self._stub.GetJob
        answer = await self._calls.unary(caller, method, request, wire.GetJobResponse, _SECONDS)
        events = [JobEvent(_time(each.at), each.what, each.by, each.words) for each in answer.events]
        return _job(answer.job, tuple(events))

    async def page(self, caller: Caller, wanted: JobFilter, page_size: int, page_token: str) -> JobPage:
        request = wire.ListJobsRequest(
            states=[wire.JobState.Value(_STATE + state.upper()) for state in wanted.states],
            kind=wanted.kind,
            name=wanted.name,
            by=wanted.by,
            tenant=wanted.tenant,
            page_size=page_size,
            page_token=page_token,
        )
        method = self._stub.ListJobs
        answer = await self._calls.unary(caller, method, request, wire.ListJobsResponse, _SECONDS)
        return JobPage(tuple(map(_job, answer.jobs)), answer.next_page_token)

    async def cancel(self, caller: Caller, job_id: str, why: str) -> Job:
        request, method = wire.CancelJobRequest(id=job_id, why=why), self._stub.CancelJob
        return _job((await self._calls.unary(caller, method, request, wire.CancelJobResponse, _SECONDS)).job)

    async def resume(self, caller: Caller, job_id: str) -> Job:
        request, method = wire.ResumeJobRequest(id=job_id), self._stub.ResumeJob
        return _job((await self._calls.unary(caller, method, request, wire.ResumeJobResponse, _SECONDS)).job)

    async def retry(self, caller: Caller, job_id: str, key: str) -> Job:
        request, method = wire.RetryJobRequest(id=job_id, idempotency_key=key), self._stub.RetryJob
        return _job((await self._calls.unary(caller, method, request, wire.RetryJobResponse, _SECONDS)).job)

    async def points(
        self, caller: Caller, job_id: str, from_step: int, *, follow: bool
    ) -> AsyncGenerator[Point, None]:
        request = wire.WatchMetricsRequest(id=job_id, from_step=from_step, follow=follow)
        answers = self._calls.stream(caller, self._stub.WatchMetrics, request, wire.WatchMetricsResponse)
        async with aclosing(answers):
            async for each in answers:
                yield Point(each.step, _time(each.at), each.evaluation, dict(sorted(each.metrics.items())))

    async def lines(
        self, caller: Caller, job_id: str, offset: int, *, follow: bool
    ) -> AsyncGenerator[LogLine, None]:
        request = wire.ReadLogsRequest(id=job_id, offset=offset, follow=follow)
        answers = self._calls.stream(caller, self._stub.ReadLogs, request, wire.ReadLogsResponse)
        async with aclosing(answers):
            async for each in answers:
                yield LogLine(each.line, each.offset)


def _job(job: wire.Job, events: tuple[JobEvent, ...] = ()) -> Job:
    made = Produced(job.produced_model, job.produced_version, job.produced_digest)
    return Job(
        id=job.id,
        kind=job.kind,
        name=job.name,
        state=wire.JobState.Name(job.state).removeprefix(_STATE).lower(),
        message=job.message,
        step=job.step,
        total_steps=job.total_steps,
        priority=job.priority,
        metrics=dict(sorted(job.metrics.items())),
        attempt=job.attempt,
        lost=job.lost,
        retry_of=job.retry_of,
        place=job.place,
        tenant=job.tenant,
        by=job.by,
        recipe_digest=job.recipe_digest,
        produced=made if made.version else None,
        created_at=_time(job.created_at),
        since=_time(job.since),
        started_at=_time(job.started_at) if job.HasField("started_at") else None,
        seen_at=_time(job.seen_at) if job.HasField("seen_at") else None,
        ended_at=_time(job.ended_at) if job.HasField("ended_at") else None,
        revision=job.revision,
        recipe=job.recipe,
        events=events,
    )


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
