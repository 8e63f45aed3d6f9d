"""With a real registry and real workers: a model is imported, judged, and made smaller, by jobs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from colonnade.api.registry.v1 import evaluations_pb2 as evaluations
from colonnade.api.registry.v1.evaluations_pb2_grpc import EvaluationServiceStub
from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.engine.kernels.pack import pack_model
from colonnade.models.families.catalog import load
from colonnade.models.families.transformer.model import Transformer
from colonnade.registry.__main__ import wired as registry_wired
from colonnade.registry.settings import RegistrySettings
from colonnade.storage.blobs import open_blobs
from colonnade.training.__main__ import wired
from colonnade.training.settings import TrainingSettings
from tests.integration.training.test_real_publishing import LIMIT, ended
from tests.unit.learn.recipes import corpus
from tests.unit.learn.tuning.origins import model_folder
from tests.unit.training.test_main import Client
from tests.unit.training.test_registering import Registry
from tests.unit.training.test_registering import home as home

JUDGE: dict[str, Any] = {
    "kind": "evaluate",
    "name": "stories-held-out",
    "model": {"from": "registry:tiny@imported"},
    "data": {"sources": [{"kind": "jsonl", "name": "stories", "paths": ["stories/*.jsonl"]}]},
    "batch": {"tokens": 32, "rows": 4},
    "evaluation": {"batches": 3, "prompts": ["the cat"], "prompt_tokens": 4},
}
SMALLER: dict[str, Any] = {
    "kind": "convert",
    "name": "smaller",
    "model": {"from": "registry:tiny@imported"},
    "prune": {"layers": 1, "by": "magnitude"},
    "quantise": {"bits": 4},
    "output": {"alias": "candidate", "card": "Half as deep."},
}


@pytest.fixture
async def house(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Registry, Client]]:
    for name, value in (("WORKER_THREADS", "1"), ("TICK_SECONDS", "0.2"), ("SLOTS", "2")):
        monkeypatch.setenv(f"COLONNADE_TRAINING_{name}", value)
    corpus(home / "stories")
    model_folder(home / "model")
    async with AsyncExitStack() as stack:
        for server in (
            await stack.enter_async_context(registry_wired(RegistrySettings())),
            await stack.enter_async_context(wired(TrainingSettings())),
        ):
            await server.start()
            stack.push_async_callback(server.stop, 0)
        registry, client = Registry(home), Client(home)
        for peer in (registry.peer, client.peer):
            stack.push_async_callback(peer.close)
        yield registry, client


def imported(path: Path | str, **more: Any) -> str:
    said = {"kind": "import", "name": "tiny", "source": {"path": str(path)}} | more
    return json.dumps(said)


async def done(client: Client, recipe: str) -> messages.Job:
    job = await client.submit(recipe)
    found = await ended(client, job.id)
    assert found.state == messages.JOB_STATE_SUCCEEDED, found.message
    return found


async def judgements(registry: Registry) -> list[evaluations.Evaluation]:
    stub, request = (
        EvaluationServiceStub(registry.peer.channel),
        evaluations.ListEvaluationsRequest(name="tiny"),
    )
    found = await registry.peer.unary(stub.ListEvaluations, request, evaluations.ListEvaluationsResponse)
    return list(found.evaluations)


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT)
async def test_a_model_is_imported_judged_and_converted(home: Path, house: tuple[Registry, Client]) -> None:
    registry, client = house
    first = await done(client, imported(home / "model", output={"alias": "live"}))
    assert (first.kind, first.produced_model, first.produced_version) == ("import", "tiny", 1)
    assert set((await registry.version("tiny")).aliases) == {"imported", "live"}
    assert ("version", "produced_by", "run") in await registry.edges(first.produced_digest)

    judged, smaller = await asyncio.gather(done(client, json.dumps(JUDGE)), done(client, json.dumps(SMALLER)))
    (found,) = await judgements(registry)
    assert (found.suite, found.version, found.origin, found.by) == (
        "stories-held-out",
        1,
        judged.id,
        "acme/eve",
    )
    assert found.suite_digest.startswith("sha256:")
    assert dict(found.results) == pytest.approx(
        {name.removeprefix("validation."): value for name, value in judged.metrics.items()}
    )
    assert found.results["perplexity"] > 1
    assert judged.produced_version == 0

    version = await registry.version("smaller")
    assert version.version.manifest.digest == smaller.produced_digest
    assert set(version.aliases) == {"converted", "candidate"}
    for expected in ("Half as deep.", "## How it was converted", "| bits | 4 |", "| layers | 1 |"):
        assert expected in version.card
    assert ("version", "derived_from", "version") in await registry.edges(smaller.produced_digest)
    blobs = open_blobs(TrainingSettings().blobs)
    artefacts = version.version.manifest.artefacts
    model = load({each.path: await blobs.open_path(each.digest) for each in artefacts})
    assert isinstance(model, Transformer)
    assert (model.config.layers, pack_model(model, "auto")) == (1, "int4")


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT)
async def test_what_the_registry_refuses_fails_the_job_in_its_words(
    home: Path, house: tuple[Registry, Client]
) -> None:
    _, client = house
    for recipe, words in (
        (imported("/etc"), "COLONNADE_REGISTRY_IMPORT_ROOTS"),
        (
            json.dumps({"kind": "import", "name": "tiny", "source": {"url": "https://host.example/x.gguf"}}),
            "COLONNADE_REGISTRY_IMPORT_URLS",
        ),
        (imported(home / "stories"), "config.json"),
    ):
        job = await client.submit(recipe)
        failed = await ended(client, job.id)
        assert failed.state == messages.JOB_STATE_FAILED
        assert failed.message.startswith("it was not imported: ")
        assert words in failed.message
    (home / "stories").rename(home / "texts")
    model_folder(home / "stories")
    await client.resume(job.id)
    assert (await ended(client, job.id)).produced_model == "tiny"
