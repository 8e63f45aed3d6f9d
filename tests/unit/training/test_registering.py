"""A training service beside a real registry, over their sockets: what becomes of a run, in whose name."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from colonnade.api.registry.v1 import catalogue_pb2 as catalogue
from colonnade.api.registry.v1 import drafts_pb2 as drafts
from colonnade.api.registry.v1 import evaluations_pb2 as evaluations
from colonnade.api.registry.v1 import lineage_pb2 as lineage
from colonnade.api.registry.v1 import registry_pb2 as models
from colonnade.api.registry.v1.catalogue_pb2_grpc import CatalogueServiceStub
from colonnade.api.registry.v1.drafts_pb2_grpc import DraftServiceStub
from colonnade.api.registry.v1.evaluations_pb2_grpc import EvaluationServiceStub
from colonnade.api.registry.v1.lineage_pb2_grpc import LineageServiceStub
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.registry.__main__ import wired as registry_wired
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import Identity, Peer
from colonnade.security.audit import read_opened
from colonnade.security.identity import Principal, Role
from colonnade.training.__main__ import wired
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.settings import TrainingSettings
from tests.unit.training.test_main import Client

WORKER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("maker.py")))
_DRILL = Path(__file__).parents[2] / "integration" / "registry" / "drill"
CONVERTER = (sys.executable, "-P", str(_DRILL / "converter.py"))
LIMIT = 60.0
RECIPE = "name: plays\nsteps: 2\nseed: {seed}\n"


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "HOME": short_folder, "TRAINING_WORK_DIR": short_folder, "TRAINING_TICK_SECONDS": "0.01",
        "TRAINING_RETRY_SECONDS": "0.05", "TRAINING_METRICS_PORT": "0", "REGISTRY_METRICS_PORT": "0",
        "REGISTRY_IMPORT_ROOTS": short_folder,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"COLONNADE_{name}", str(value))
    return short_folder


class Registry:
    def __init__(self, home: Path, tenant: str = "acme", subject: str = "eve") -> None:
        identity = Identity("gateway", home / "identity")
        identity.principal = Principal(tenant, subject, frozenset({Role.MODEL_ENGINEER}))
        self.peer = Peer("registry", f"unix:{home}/run/registry.sock", identity)

    async def version(self, name: str, number: int = 0) -> catalogue.VersionRecord:
        stub, request = (
            CatalogueServiceStub(self.peer.channel),
            catalogue.GetVersionRequest(name=name, version=number),
        )
        return (await self.peer.unary(stub.GetVersion, request, catalogue.GetVersionResponse)).record

    async def model(self, name: str) -> models.GetModelResponse:
        stub, request = RegistryServiceStub(self.peer.channel), models.GetModelRequest(name=name)
        return await self.peer.unary(stub.GetModel, request, models.GetModelResponse)

    async def edges(self, digest: str) -> set[tuple[str, str, str]]:
        stub = LineageServiceStub(self.peer.channel)
        request = lineage.TraceLineageRequest(node=lineage.Node(kind="version", id=digest))
        found = await self.peer.unary(stub.TraceLineage, request, lineage.TraceLineageResponse)
        return {(getattr(each, "from").kind, each.relation, each.to.kind) for each in found.edges}

    async def evaluations(self, name: str) -> list[evaluations.Evaluation]:
        stub = EvaluationServiceStub(self.peer.channel)
        request = evaluations.ListEvaluationsRequest(name=name)
        answer = evaluations.ListEvaluationsResponse
        return list((await self.peer.unary(stub.ListEvaluations, request, answer)).evaluations)

    async def drafts(self, model: str) -> list[drafts.Draft]:
        stub, request = DraftServiceStub(self.peer.channel), drafts.ListDraftsRequest(model=model)
        return list((await self.peer.unary(stub.ListDrafts, request, drafts.ListDraftsResponse)).drafts)

    async def imported(self, home: Path, name: str, content: str) -> models.Version:
        (home / f"{name}.gguf").write_text(content)
        request = models.ImportModelRequest(source=str(home / f"{name}.gguf"), name=name)
        stub = RegistryServiceStub(self.peer.channel)
        stream = self.peer.stream(stub.ImportModel, request, models.ImportModelResponse)
        return [event async for event in stream][-1].version


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with asyncio.timeout(LIMIT), AsyncExitStack() as stack:
        yield stack


async def registry_up(stack: AsyncExitStack, home: Path) -> Registry:
    server = await stack.enter_async_context(registry_wired(RegistrySettings(), CONVERTER))
    await server.start()
    await server.ready(True)
    stack.push_async_callback(server.stop, 0)
    registry = Registry(home)
    stack.push_async_callback(registry.peer.close)
    return registry


async def training_up(stack: AsyncExitStack, home: Path) -> Client:
    server = await stack.enter_async_context(wired(TrainingSettings(), WORKER))
    await server.start()
    stack.push_async_callback(server.stop, 0)
    client = Client(home)
    stack.push_async_callback(client.peer.close)
    return client


async def ended(client: Client, job_id: str, seconds: float = LIMIT) -> messages.Job:
    async with asyncio.timeout(seconds):
        while True:
            job = (await client.get(job_id)).job
            if job.state in (messages.JOB_STATE_SUCCEEDED, messages.JOB_STATE_FAILED):
                return job
            await asyncio.sleep(0.1)


async def test_a_run_becomes_a_version_of_its_submitter(stack: AsyncExitStack, home: Path) -> None:
    client = await training_up(stack, home)  # which starts while the registry is away, and waits for it
    job = await client.submit(RECIPE.format(seed=1) + "output: {model: bard, alias: live, card: told}\n")
    waiting = await client.until(job.id, messages.JOB_STATE_PUBLISHING)
    assert waiting.job.produced_version == 0
    registry = await registry_up(stack, home)
    done = await ended(client, job.id)
    assert done.state == messages.JOB_STATE_SUCCEEDED, done.message
    found = await registry.version("bard")
    manifest = found.version.manifest
    assert (done.produced_model, done.produced_version, done.produced_digest) == ("bard", 1, manifest.digest)
    assert (found.tenant, found.version.created_by) == ("acme", "acme/eve")
    assert set(found.aliases) == {"live", "trained"}, "nothing goes into production that nobody asked for"
    assert dict(found.tags) == {"run": job.id, "recipe": f"sha256:{'a' * 64}"}
    assert [(each.key, each.step, each.value) for each in found.metrics] == [
        ("loss", 1, 2.5),
        ("loss", 2, 2.0),
    ]
    assert "| 1 | 2.5000 |" in found.card
    assert {
        ("version", "produced_by", "run"), ("version", "trained_on", "dataset"),
        ("run", "trained_on", "dataset"), ("version", "built_from", "commit"),
        ("run", "built_from", "commit"),
    } <= await registry.edges(manifest.digest)  # fmt: skip
    acts = read_opened(home / "audit" / "registry.jsonl")
    assert {act.subject for act in acts if act.action in ("registry.draft.begin", "registry.import")} == {
        "eve"
    }


async def test_a_run_starts_from_a_version_that_is_brought_to_it(stack: AsyncExitStack, home: Path) -> None:
    registry = await registry_up(stack, home)
    base = await registry.imported(home, "smol", "base weights")
    client = await training_up(stack, home)
    recipe = RECIPE.format(seed=2) + 'model: {from: "registry:smol@production"}\n'
    job = await client.submit(recipe + "output: {model: polite}\n")
    done = await ended(client, job.id)
    assert done.state == messages.JOB_STATE_SUCCEEDED, done.message
    folder = JobFolder.of(home / "data" / "training" / "jobs", job.id)
    assert b"base weights" in (folder.run / "model" / "model.safetensors").read_bytes()
    assert ("version", "derived_from", "version") in await registry.edges(done.produced_digest)
    seen = json.loads((folder.run / "seen").read_text())
    assert "registry:" not in seen["recipe"]
    assert "reads:" in seen["recipe"]
    told = {name for name in seen["environment"] if name.startswith("COLONNADE_")}
    assert told == {"COLONNADE_TRAINING_WORKER"}
    assert base.manifest.digest != done.produced_digest


async def test_what_a_submitter_may_not_do_no_job_does(stack: AsyncExitStack, home: Path) -> None:
    await registry_up(stack, home)
    other = Registry(home, "globex", "ann")
    stack.push_async_callback(other.peer.close)
    await other.imported(home, "theirs", "weights")
    client = await training_up(stack, home)
    job = await client.submit(RECIPE.format(seed=3) + "output: {model: theirs}\n")
    done = await ended(client, job.id)
    assert "belongs to the tenant globex" in done.message
    assert (await other.model("theirs")).model.latest_version == 1
    missing = await client.submit(RECIPE.format(seed=3) + 'model: {from: "registry:nobody:1"}\n')
    done = await ended(client, missing.id)
    assert "nobody" in done.message


async def test_an_evaluation_is_recorded_with_the_version_that_it_judged(
    stack: AsyncExitStack, home: Path
) -> None:
    registry = await registry_up(stack, home)
    await registry.imported(home, "smol", "base weights")
    client = await training_up(stack, home)
    recipe = 'kind: evaluate\nname: held-out\nmodel: {from: "registry:smol@production"}\n'
    done = await ended(client, (await client.submit(recipe)).id)
    assert (done.state, done.total_steps) == (messages.JOB_STATE_SUCCEEDED, 0), done.message
    (found,) = await registry.evaluations("smol")
    assert (found.version, found.suite, found.origin, found.by) == (1, "held-out", done.id, "acme/eve")
    assert (dict(found.results), found.suite_digest) == ({"loss": 2.0, "top1": 0.5}, f"sha256:{'b' * 64}")
    assert (await registry.model("smol")).model.latest_version == 1
    alone = await ended(client, (await client.submit(recipe + "output: {register: false}\n")).id)
    assert alone.state == messages.JOB_STATE_SUCCEEDED
    assert len(await registry.evaluations("smol")) == 1


async def test_an_import_is_the_registrys_and_the_jobs(stack: AsyncExitStack, home: Path) -> None:
    client = await training_up(stack, home)  # while the registry is away
    (home / "qwen.gguf").write_text("weights")
    recipe = f"kind: import\nname: qwen\nsource: {{path: {home / 'qwen.gguf'}}}\noutput: {{alias: live}}\n"
    job = await client.submit(recipe)
    await client.until(job.id, messages.JOB_STATE_PUBLISHING)
    registry = await registry_up(stack, home)
    done = await ended(client, job.id)
    assert done.state == messages.JOB_STATE_SUCCEEDED, done.message
    found = await registry.version("qwen")
    assert (done.produced_version, done.produced_digest) == (1, found.version.manifest.digest)
    assert (set(found.aliases), dict(found.tags)) == ({"imported", "live"}, {"run": job.id})
    assert list(found.metrics) == []
    assert ("version", "produced_by", "run") in await registry.edges(done.produced_digest)
    assert not JobFolder.of(home / "data" / "training" / "jobs", job.id).root.exists()
    again = await ended(client, (await client.retry(job.id)).id)
    assert again.produced_digest == done.produced_digest, "the same content is the same version"


async def test_what_may_not_be_imported_is_said_in_the_registrys_words(
    stack: AsyncExitStack, home: Path
) -> None:
    registry = await registry_up(stack, home)
    client = await training_up(stack, home)
    for source, words in (
        ("{url: 'https://host.example/model.gguf'}", "COLONNADE_REGISTRY_IMPORT_URLS"),
        ("{path: /etc/passwd}", "COLONNADE_REGISTRY_IMPORT_ROOTS"),
    ):
        job = await client.submit(f"kind: import\nname: qwen\nsource: {source}\n")
        failed = await ended(client, job.id)
        assert failed.state == messages.JOB_STATE_FAILED
        assert failed.message.startswith("it was not imported: ")
        assert words in failed.message
    assert await registry.drafts("qwen") == [], "none is left behind"


async def test_an_import_that_is_cancelled_leaves_no_draft(stack: AsyncExitStack, home: Path) -> None:
    client = await training_up(stack, home)
    (home / "qwen.gguf").write_text("weights")
    job = await client.submit(f"kind: import\nname: qwen\nsource: {{path: {home / 'qwen.gguf'}}}\n")
    await client.until(job.id, messages.JOB_STATE_PUBLISHING)
    assert (await client.cancel(job.id)).state == messages.JOB_STATE_STOPPING
    registry = await registry_up(stack, home)
    cancelled = (await client.until(job.id, messages.JOB_STATE_CANCELLED)).job
    there = cancelled.produced_version
    assert there in (0, 1), "the registry may have been as quick"
    assert await registry.drafts("qwen") == []
    await client.resume(job.id)
    assert (await ended(client, job.id)).state == messages.JOB_STATE_SUCCEEDED
