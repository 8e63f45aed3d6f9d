"""Training jobs over real gRPC on a socket: what goes over the wire, and as whom."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from colonnade import rpc
from colonnade.api.training.v1 import training_pb2 as wire
from colonnade.api.training.v1.training_pb2_grpc import (
    TrainingServiceServicer,
    add_TrainingServiceServicer_to_server,
)
from colonnade.errors import NotFound, Unavailable
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.jobs import TrainingJobs
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.jobs import Job, JobEvent, JobFilter, JobOrder, LogLine, Point, Produced
from colonnade.gateway.http.wire_jobs import State
from colonnade.security.access.training import RPCS
from colonnade.security.identity import Principal, Role

MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
ALICE = Principal("acme", "alice", frozenset({Role.MODEL_ENGINEER}), "k1")
CALLER = Caller(ALICE, "req-1")
STAMP = Timestamp(seconds=int(MOMENT.timestamp()))
QUEUED = wire.Job(
    id="job_1", kind="train", state=wire.JOB_STATE_QUEUED, total_steps=9, created_at=STAMP, since=STAMP
)
DONE = wire.Job(
    id="job_1", kind="train", name="plays", state=wire.JOB_STATE_SUCCEEDED, message="well", step=9,
    total_steps=9, priority=-5, metrics={"validation.loss": 2.5, "loss": 2.0}, attempt=2, lost=1,
    retry_of="job_0", place="here", tenant="acme", by="acme/alice", recipe_digest="sha256:r",
    produced_model="plays", produced_version=3, produced_digest="sha256:d", created_at=STAMP, since=STAMP,
    started_at=STAMP, seen_at=STAMP, ended_at=STAMP, revision=7,
)  # fmt: skip


class Training(TrainingServiceServicer):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, Principal]] = []

    def _note(self, request: Any) -> None:
        self.seen.append((request, rpc.current().principal))

    async def SubmitJob(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.SubmitJobResponse(job=QUEUED)

    async def GetJob(self, request: Any, context: Any) -> Any:
        self._note(request)
        if request.id != "job_1":
            raise NotFound("there is no such job", field="id")
        events = [wire.JobEvent(at=STAMP, what="submitted", by="acme/alice", words="x")]
        job = wire.Job()
        job.CopyFrom(DONE)
        job.recipe = "name: plays"
        return wire.GetJobResponse(job=job, events=events)

    async def ListJobs(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ListJobsResponse(jobs=[DONE, QUEUED], next_page_token="n")

    async def CancelJob(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.CancelJobResponse(job=QUEUED)

    async def ResumeJob(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.ResumeJobResponse(job=QUEUED)

    async def RetryJob(self, request: Any, context: Any) -> Any:
        self._note(request)
        return wire.RetryJobResponse(job=QUEUED)

    async def WatchMetrics(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self._note(request)
        yield wire.WatchMetricsResponse(step=1, metrics={"z": 1.0, "loss": 2.5}, at=STAMP)
        yield wire.WatchMetricsResponse(step=2, at=STAMP, evaluation=True)

    async def ReadLogs(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self._note(request)
        yield wire.ReadLogsResponse(line="{}", offset=3)


@pytest.fixture
async def training() -> AsyncIterator[tuple[Training, TrainingJobs]]:
    folder = Path(tempfile.mkdtemp(prefix="gw"))
    identity = rpc.Identity("gateway", folder / "identity")
    servicer, address = Training(), f"unix:{folder}/r/training.sock"
    server = rpc.Server(address, RPCS, identity)
    server.add(add_TrainingServiceServicer_to_server, servicer, "training")
    await server.start()
    async with rpc.Peer("training", address, identity) as peer:
        yield servicer, TrainingJobs(Calls(peer, identity))
    await server.stop(0)
    shutil.rmtree(folder)


async def test_a_job_comes_back_whole(training: tuple[Training, TrainingJobs]) -> None:
    servicer, jobs = training
    found = await jobs.get(CALLER, "job_1")
    assert found == Job(
        "job_1", "train", "plays", "succeeded", "well", 9, 9, -5, {"loss": 2.0, "validation.loss": 2.5}, 2, 1,
        "job_0", "here", "acme", "acme/alice", "sha256:r", Produced("plays", 3, "sha256:d"), MOMENT, MOMENT,
        MOMENT, MOMENT, MOMENT, 7, "name: plays", (JobEvent(MOMENT, "submitted", "acme/alice", "x"),),
    )  # fmt: skip
    assert servicer.seen == [(wire.GetJobRequest(id="job_1"), ALICE)]
    with pytest.raises(NotFound, match="there is no such job"):
        await jobs.get(CALLER, "job_2")


async def test_what_is_not_there_yet_is_none(training: tuple[Training, TrainingJobs]) -> None:
    servicer, jobs = training
    made = await jobs.submit(CALLER, JobOrder("name: x", "train", -3, "k"))
    assert (made.started_at, made.seen_at, made.ended_at, made.produced) == (None, None, None, None)
    (sent, _), *_ = servicer.seen
    assert sent == wire.SubmitJobRequest(recipe="name: x", kind="train", priority=-3, idempotency_key="k")


async def test_pages_and_changes(training: tuple[Training, TrainingJobs]) -> None:
    servicer, jobs = training
    states = ("queued", "publishing")
    page = await jobs.page(CALLER, JobFilter(states, "train", "plays", "acme/bob", "acme"), 7, "t")
    assert ([job.state for job in page.jobs], page.next_page_token) == (["succeeded", "queued"], "n")
    await jobs.cancel(CALLER, "job_1", "why")
    await jobs.resume(CALLER, "job_1")
    await jobs.retry(CALLER, "job_1", "k")
    assert [sent for sent, _ in servicer.seen] == [
        wire.ListJobsRequest(
            states=[wire.JOB_STATE_QUEUED, wire.JOB_STATE_PUBLISHING], kind="train", name="plays",
            by="acme/bob", tenant="acme", page_size=7, page_token="t",
        ),
        wire.CancelJobRequest(id="job_1", why="why"),
        wire.ResumeJobRequest(id="job_1"),
        wire.RetryJobRequest(id="job_1", idempotency_key="k"),
    ]  # fmt: skip


async def test_what_is_measured_and_written(training: tuple[Training, TrainingJobs]) -> None:
    servicer, jobs = training
    points = [each async for each in jobs.points(CALLER, "job_1", 5, follow=True)]
    lines = [each async for each in jobs.lines(CALLER, "job_1", 7, follow=False)]
    first = Point(1, MOMENT, evaluation=False, metrics={"loss": 2.5, "z": 1.0})
    assert points == [first, Point(2, MOMENT, evaluation=True)]
    assert list(points[0].metrics) == ["loss", "z"]
    assert lines == [LogLine("{}", 3)]
    assert [sent for sent, _ in servicer.seen] == [
        wire.WatchMetricsRequest(id="job_1", from_step=5, follow=True),
        wire.ReadLogsRequest(id="job_1", offset=7),
    ]


async def test_a_platform_without_the_training_service(short_folder: Path) -> None:
    identity = rpc.Identity("gateway", short_folder / "identity")
    async with rpc.Peer("training", f"unix:{short_folder}/none.sock", identity) as peer:
        with pytest.raises(Unavailable, match="training"):
            await TrainingJobs(Calls(peer, identity)).get(CALLER, "job_1")


def test_every_state_of_the_contract_has_its_word() -> None:
    names = {name.removeprefix("JOB_STATE_").lower() for name in wire.JobState.DESCRIPTOR.values_by_name}
    assert names - {"unspecified"} == set(get_args(State))
