"""With real workers and real conversions: a model is trained from text, and an adapter beside its version."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.registry.__main__ import wired as registry_wired
from colonnade.registry.settings import RegistrySettings
from colonnade.training.__main__ import wired
from colonnade.training.settings import TrainingSettings
from tests.unit.learn.recipes import corpus, document
from tests.unit.training.test_main import Client
from tests.unit.training.test_registering import Registry
from tests.unit.training.test_registering import home as home

RECIPE = document(
    "stories/*.jsonl",
    description="Short stories of animals.",
    batch={"accumulate": 1},
    schedule={"kind": "constant", "warm_up": 0},
    evaluation={"prompts": []},
    checkpoints={"every": 6},
    reports={"every": 2},
    output={"card": "Likes hay."},
)

LIMIT = 300.0


def adapting() -> dict[str, Any]:
    data = {name: value for name, value in RECIPE["data"].items() if name != "tokenizer"}
    base = {"from": "registry:stories@trained"}
    return RECIPE | {"name": "tone", "data": data, "model": base, "tuning": {"kind": "lora"}}


async def ended(client: Client, job_id: str) -> messages.Job:
    """Workers import torch, on a machine that may be busy."""
    async with asyncio.timeout(LIMIT):
        while True:
            job = (await client.get(job_id)).job
            if job.state in (messages.JOB_STATE_SUCCEEDED, messages.JOB_STATE_FAILED):
                return job
            await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT)
async def test_a_model_and_an_adapter_of_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORKER_THREADS", "1"), ("TICK_SECONDS", "0.2"), ("SLOTS", "3")):
        monkeypatch.setenv(f"COLONNADE_TRAINING_{name}", value)
    corpus(home / "stories")
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
        outside = RECIPE | {"data": RECIPE["data"] | {"sources": [_source("/etc/passwd")]}}
        job, twin, refused = [await client.submit(json.dumps(each)) for each in (RECIPE, RECIPE, outside)]
        done = await ended(client, job.id)
        assert done.state == messages.JOB_STATE_SUCCEEDED, done.message
        found = await registry.version("stories")
        assert (found.version.manifest.family, found.description) == ("transformer", RECIPE["description"])
        assert {"loss", "validation.loss", "validation.perplexity"} <= {each.key for each in found.metrics}
        for expected in ("Likes hay.", "## validation.loss", '"vocabulary": 320'):
            assert expected in found.card
        again = await ended(client, twin.id)
        assert again.produced_digest == done.produced_digest, (
            "the same recipe, the same bits, the same version"
        )
        job = await client.submit(json.dumps(adapting()))
        done = await ended(client, job.id)
        assert done.state == messages.JOB_STATE_SUCCEEDED, done.message
        adapter = (await registry.version("tone")).version.manifest
        assert (adapter.family, adapter.base) == ("lora", found.version.manifest.digest)
        assert ("version", "derived_from", "version") in await registry.edges(adapter.digest)
        done = await ended(client, refused.id)
        assert done.state == messages.JOB_STATE_FAILED
        assert "COLONNADE_TRAINING_READS" in done.message
        assert "data.sources[0].paths[0]" in done.message


def _source(path: str) -> dict[str, Any]:
    return {"kind": "text", "name": "stories", "paths": [path]}
