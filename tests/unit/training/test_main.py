"""The process: settings, ``--check``, and the whole service over its socket, with processes as workers."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.api.training.v1.training_pb2_grpc import TrainingServiceStub
from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.rpc import Identity, Peer
from colonnade.security.audit import verify
from colonnade.security.identity import Principal, Role
from colonnade.training.__main__ import main, report, wired
from colonnade.training.adapters import session
from colonnade.training.adapters.job_folder import JobFolder, read_record
from colonnade.training.settings import TrainingSettings

WORKER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("worker.py")))
LIMIT = 60.0
ALONE = "output: {register: false}\n"
HEAD = f"name: plays\nsteps: 2\n{ALONE}"
DONE, HANG, REFUSE = (f"{HEAD}description: {act}\n" for act in ("done", "hang", "refuse"))


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    monkeypatch.setenv("COLONNADE_TRAINING_WORK_DIR", str(short_folder))
    monkeypatch.setenv("COLONNADE_TRAINING_TICK_SECONDS", "0.01")
    monkeypatch.setenv("COLONNADE_TRAINING_METRICS_PORT", "0")
    yield short_folder
    for record in (short_folder / "data" / "training" / "jobs").glob("*/attempts/*.json"):
        if (started := read_record(record)) and started.pid:  # a test that failed leaves its workers
            session.end(started, f"{record.parts[-3]}/{int(record.stem)}")
            session.reap(started)


class Client:
    """The service over its socket, as one principal."""

    def __init__(self, home: Path, role: Role = Role.MODEL_ENGINEER, tenant: str = "acme") -> None:
        identity = Identity("gateway", home / "identity")
        identity.principal = Principal(tenant, "eve", frozenset({role}))
        self.peer = Peer("training", f"unix:{home}/run/training.sock", identity)
        self.stub = TrainingServiceStub(self.peer.channel)

    async def submit(self, recipe: str, **more: object) -> messages.Job:
        request = messages.SubmitJobRequest(recipe=recipe, **more)  # type: ignore[arg-type]
        return (await self.peer.unary(self.stub.SubmitJob, request, messages.SubmitJobResponse)).job

    async def get(self, job_id: str) -> messages.GetJobResponse:
        return await self.peer.unary(
            self.stub.GetJob, messages.GetJobRequest(id=job_id), messages.GetJobResponse
        )

    async def listed(self, **more: object) -> messages.ListJobsResponse:
        request = messages.ListJobsRequest(**more)  # type: ignore[arg-type]
        return await self.peer.unary(self.stub.ListJobs, request, messages.ListJobsResponse)

    async def cancel(self, job_id: str) -> messages.Job:
        request = messages.CancelJobRequest(id=job_id, why="too dear")
        return (await self.peer.unary(self.stub.CancelJob, request, messages.CancelJobResponse)).job

    async def resume(self, job_id: str) -> messages.Job:
        request = messages.ResumeJobRequest(id=job_id)
        return (await self.peer.unary(self.stub.ResumeJob, request, messages.ResumeJobResponse)).job

    async def retry(self, job_id: str) -> messages.Job:
        request = messages.RetryJobRequest(id=job_id, idempotency_key="again")
        return (await self.peer.unary(self.stub.RetryJob, request, messages.RetryJobResponse)).job

    async def watch(self, job_id: str, from_step: int = 0) -> list[messages.WatchMetricsResponse]:
        request = messages.WatchMetricsRequest(id=job_id, from_step=from_step, follow=True)
        stream = self.peer.stream(self.stub.WatchMetrics, request, messages.WatchMetricsResponse)
        return [each async for each in stream]

    async def log(self, job_id: str, offset: int = 0) -> list[messages.ReadLogsResponse]:
        request = messages.ReadLogsRequest(id=job_id, offset=offset)
        stream = self.peer.stream(self.stub.ReadLogs, request, messages.ReadLogsResponse)
        return [each async for each in stream]

    async def until(
        self, job_id: str, *states: "messages.JobState.ValueType", attempt: int = 0
    ) -> messages.GetJobResponse:
        async with asyncio.timeout(LIMIT):
            while True:
                found = await self.get(job_id)
                if found.job.state in states and found.job.attempt >= attempt:
                    return found
                await asyncio.sleep(0.01)


@asynccontextmanager
async def served(settings: TrainingSettings) -> AsyncIterator[None]:
    async with wired(settings, WORKER) as server:
        await server.start()
        await server.ready(True)
        try:
            yield
        finally:
            await server.stop(0)


@pytest.fixture
async def client(home: Path) -> AsyncIterator[Client]:
    async with served(TrainingSettings()):
        client = Client(home)
        yield client
        await client.peer.close()


async def metrics_of(client: Client, job_id: str) -> messages.GetJobResponse:
    async with asyncio.timeout(LIMIT):
        while not (found := await client.get(job_id)).job.metrics:  # noqa: ASYNC110 - of a process
            await asyncio.sleep(0.01)
    return found


async def test_a_job_from_its_submission_to_its_end(client: Client, home: Path) -> None:
    job = await client.submit(DONE, priority=3, idempotency_key="one")
    assert (await client.submit(DONE, priority=3, idempotency_key="one")).id == job.id
    assert (job.kind, job.name, job.total_steps, job.tenant, job.by) == (
        "train",
        "plays",
        2,
        "acme",
        "acme/eve",
    )
    found = await client.until(job.id, messages.JOB_STATE_SUCCEEDED)
    assert (found.job.attempt, found.job.step, found.job.recipe) == (1, 2, DONE)
    assert found.job.metrics == {"loss": 2.5, "validation.loss": 2.0}
    assert [event.what for event in found.events] == ["submitted", "started", "succeeded"]
    measured = await client.watch(job.id)
    assert [(each.step, each.evaluation, each.metrics["loss"]) for each in measured] == [
        (1, False, 2.5), (2, True, 2.0),
    ]  # fmt: skip
    assert [each.step for each in await client.watch(job.id, from_step=2)] == [2]
    lines = await client.log(job.id)
    assert [json.loads(each.line)["event"] for each in lines] == ["began", "step", "evaluation"]
    assert [each.line for each in await client.log(job.id, lines[0].offset)] == [
        each.line for each in lines[1:]
    ]
    again = await client.retry(job.id)
    assert (again.retry_of, (await client.retry(job.id)).id) == (job.id, again.id)
    await client.until(again.id, messages.JOB_STATE_SUCCEEDED)
    listed = await client.listed(states=[messages.JOB_STATE_SUCCEEDED], name="plays", page_size=1)
    assert ([each.id for each in listed.jobs], listed.jobs[0].recipe) == ([again.id], "")
    rest = await client.listed(state=messages.JOB_STATE_SUCCEEDED, page_token=listed.next_page_token)
    assert [each.id for each in rest.jobs] == [job.id]
    assert (await client.listed(states=[messages.JOB_STATE_FAILED])).jobs == []
    assert verify(home / "audit" / "training.jsonl").ok


async def test_what_the_worker_refuses_is_the_jobs_message(client: Client) -> None:
    job = await client.submit(REFUSE)
    found = await client.until(job.id, messages.JOB_STATE_FAILED)
    assert (found.job.message, found.job.attempt) == ("optimiser.name: there is no such one", 1)


async def test_cancel_and_resume(client: Client, home: Path) -> None:
    job = await client.submit(HANG)
    await metrics_of(client, job.id)
    assert (await client.cancel(job.id)).state == messages.JOB_STATE_STOPPING
    found = await client.until(job.id, messages.JOB_STATE_CANCELLED)
    assert found.job.message == "cancelled by acme/eve: too dear"
    assert found.job.metrics["validation.loss"] == 2.0  # told after it was asked to stop
    folder = JobFolder.of(home / "data" / "training" / "jobs", job.id)
    (folder.run / "go").touch()
    assert (await client.resume(job.id)).state == messages.JOB_STATE_QUEUED
    found = await client.until(job.id, messages.JOB_STATE_SUCCEEDED)
    assert found.job.attempt == 2


@asynccontextmanager
async def reached(home: Path) -> AsyncIterator[Client]:
    """A service that is started anew, and a client of it."""
    async with served(TrainingSettings()):
        client = Client(home)
        yield client
        await client.peer.close()


async def test_a_worker_goes_on_while_the_service_is_away(home: Path) -> None:
    jobs = home / "data" / "training" / "jobs"
    async with reached(home) as client:
        ends, stays, waits = [await client.submit(HANG, priority=priority) for priority in (3, 2, 1)]
        await metrics_of(client, ends.id)
    (JobFolder.of(jobs, ends.id).run / "go").touch()
    async with reached(home) as client:
        found = await client.until(ends.id, messages.JOB_STATE_SUCCEEDED)
        assert (found.job.attempt, found.job.metrics["validation.loss"]) == (1, 2.0)
        await metrics_of(client, stays.id)
    async with reached(home) as client:
        assert (await client.get(stays.id)).job.attempt == 1
        kill_worker(jobs, stays.id, 1)
        found = await client.until(stays.id, messages.JOB_STATE_RUNNING, attempt=2)
        assert found.job.lost == 1
        await client.cancel(waits.id)
        await client.cancel(stays.id)
        await client.until(stays.id, messages.JOB_STATE_CANCELLED)
        assert (await client.get(waits.id)).job.attempt == 0


def kill_worker(jobs: Path, job_id: str, attempt: int) -> None:
    started = JobFolder.of(jobs, job_id).started(attempt)
    assert started is not None
    assert session.lives(started)
    os.kill(started.pid, signal.SIGKILL)


async def test_refusals_over_the_wire(client: Client, home: Path) -> None:
    for recipe in ("", "- x", "name: plays", "name: X\nsteps: 1", "a: &a [1]\nb: *a", "x" * 300_000):
        with pytest.raises(ColonnadeError) as refusal:
            await client.submit(recipe)
        assert str(refusal.value.details["field"]).startswith("recipe")
    with pytest.raises(InvalidArgument, match="kind must be one of train"):
        await client.submit(DONE, kind="bake")
    with pytest.raises(InvalidArgument, match="no state 99"):
        await client.listed(states=[99])
    with pytest.raises(NotFound):
        await client.get("job_00")
    job = await client.submit(HANG)
    with pytest.raises(Conflict, match="wait for its end"):
        await client.retry(job.id)
    other, caller, auditor = (
        Client(home, tenant="globex"),
        Client(home, Role.CALLER),
        Client(home, Role.AUDITOR),
    )
    acts: tuple[Callable[[Client], Awaitable[object]], ...] = (
        lambda who: who.get(job.id), lambda who: who.cancel(job.id), lambda who: who.log(job.id),
        lambda who: who.watch(job.id),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(NotFound):
            await act(other)
        with pytest.raises(PermissionDenied):
            await act(caller)
    assert (await auditor.get(job.id)).job.id == job.id
    with pytest.raises(PermissionDenied):
        await auditor.cancel(job.id)
    assert (await other.listed()).jobs == []
    await client.cancel(job.id)
    await client.until(job.id, messages.JOB_STATE_CANCELLED)
    for each in (other, caller, auditor):
        await each.peer.close()


async def test_a_home_has_one_training_service(client: Client) -> None:
    with pytest.raises(ColonnadeError):
        async with wired(TrainingSettings()):
            raise AssertionError("there are two")


def test_check_says_what_would_be_used(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["service"], facts["database"], facts["slots"]) == ("training", "sqlite", 1)
    assert facts["jobs"] == str(home / "data" / "training" / "jobs")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLOTS", "0"), ("TENANT_SHARE", "0"), ("TENANT_SHARE", "1.5"), ("WORK_DIR", "/nowhere/at/all"),
        ("WORKER_PYTHON", "/nowhere/python"), ("DATABASE_URL", "mysql://x/y"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"COLONNADE_TRAINING_{name}", value)
    assert main(["--check"]) == 2
    assert capsys.readouterr().err.startswith("training: ")


async def test_what_is_reported_of_shares(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_TRAINING_SLOTS", "8")
    monkeypatch.setenv("COLONNADE_TRAINING_TENANT_SHARE", "0.5")
    monkeypatch.setenv("COLONNADE_TRAINING_WORKER_ENVIRONMENT", "AWS_REGION, ,X")
    settings = TrainingSettings()
    assert (await report(settings))["slots_of_a_tenant"] == 4
    assert settings.passed_on == ("AWS_REGION", "X")
