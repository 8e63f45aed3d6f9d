"""The engine as its own process: starts, serves a real artefact, drains when it is told to end."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from grpc_health.v1 import health_pb2, health_pb2_grpc

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.engine.v1 import engine_pb2_grpc
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.engine.__main__ import main
from colonnade.engine.artefacts import Artefact, Manifest
from colonnade.engine.runtime import ModelRef
from colonnade.errors import Unavailable
from colonnade.models.artefact import Description
from colonnade.models.families.transformer import Transformer, save
from colonnade.models.families.transformer.presets import debug
from colonnade.rpc import Identity, Peer
from colonnade.storage.blobs import LocalBlobStore
from tests.unit.engine.served import on_wire
from tests.unit.engine.toys import spelling

LIMIT = 60.0


async def _artefact(home: Path, folder: Path) -> Manifest:
    """A small transformer with a long context, stored as the registry would."""
    torch.manual_seed(0)
    config = replace(debug(), vocab_size=258, context_length=4096)
    model = Transformer(config)
    folder.mkdir()
    save(model, folder)
    (folder / "tokenizer.json").write_text(spelling.definition())
    (folder / "tokenizer_config.json").write_text(spelling.tokenizer_config())
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": []}))
    parameters = sum(each.numel() for each in model.parameters())
    Description(
        family="transformer", parameters=parameters, size_label="1K", context_length=4096, dtype="float32"
    ).write(folder)
    blobs, artefacts = LocalBlobStore(home / "blobs"), []
    for path in sorted(folder.iterdir()):
        blob = await blobs.put_file(path)
        artefacts.append(Artefact(path.name, blob.digest, blob.size_bytes))
    unnamed = Manifest(ModelRef("small", 1, ""), "transformer", parameters, artefacts)
    return replace(unnamed, ref=ModelRef("small", 1, unnamed.computed_digest))


@dataclass
class Process:
    running: asyncio.subprocess.Process
    peer: Peer
    stub: Any

    async def until_healthy(self) -> None:
        health = health_pb2_grpc.HealthStub(self.peer.channel)
        request = health_pb2.HealthCheckRequest(service="colonnade.api.engine.v1.EngineService")
        serving = health_pb2.HealthCheckResponse.SERVING
        while True:
            assert self.running.returncode is None, "the engine ended"
            with suppress(Exception):  # not there yet
                if (await health.Check(request, wait_for_ready=True, timeout=5)).status == serving:
                    return

    async def submit(self, model: gen.ModelRef, max_tokens: int) -> AsyncGenerator[gen.Chunk, None]:
        generation = gen.Generation(model=model, prompt="a", max_tokens=max_tokens)
        request = pb.SubmitRequest(generation=generation)
        async for response in self.peer.stream(self.stub.Submit, request, pb.SubmitResponse):
            yield response.chunk


@asynccontextmanager
async def _started(home: Path) -> AsyncGenerator[Process, None]:
    environment = {**os.environ, "COLONNADE_HOME": str(home), "COLONNADE_ENGINE_METRICS_PORT": "0"}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "colonnade.engine", env={**environment, "COLONNADE_ENGINE_THREADS": "1"}
    )
    try:
        identity = Identity("inference", home / "identity")
        async with Peer("engine", f"unix:{home}/run/engine.sock", identity) as peer:
            process = Process(running, peer, engine_pb2_grpc.EngineServiceStub(peer.channel))
            await process.until_healthy()
            yield process
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def test_a_process_serves_and_drains(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT):
        with tempfile.TemporaryDirectory(prefix="cln-") as name:
            manifest = await _artefact(Path(name), tmp_path / "artefact")
            async with _started(Path(name)) as process:
                request = pb.LoadRequest(manifest=on_wire(manifest))
                stages = process.peer.stream(process.stub.Load, request, pb.LoadResponse)
                *_, loaded = [stage.loaded async for stage in stages]
                assert loaded.context_length == 4096
                assert loaded.weights == "float32"
                await _drain_in_the_middle(process, loaded.model)


async def _submit_for_ever(process: Process, model: gen.ModelRef) -> None:
    while True:
        assert [chunk async for chunk in process.submit(model, 1)]


async def _drain_in_the_middle(process: Process, model: gen.ModelRef) -> None:
    chunks = process.submit(model, 800)
    first = await anext(chunks)
    process.running.send_signal(signal.SIGTERM)
    with pytest.raises(Unavailable):
        await _submit_for_ever(process, model)  # until the signal has arrived
    count, last = len(first.tokens), first
    async for last in chunks:
        count += len(last.tokens)
    assert last.finish.reason == gen.FINISH_REASON_LENGTH
    assert count == last.finish.usage.completion_tokens == 800
    assert await process.running.wait() == 0


def test_settings_are_checked_and_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("COLONNADE_ENGINE_THREADS", "3")
    assert main(["--check"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["threads"], shown["weights"]) == (3, "auto")
    assert shown["kernels"] in ("native", "reference")
    monkeypatch.setenv("COLONNADE_ENGINE_WEIGHTS", "float7")
    assert main(["--check"]) == 2
    assert "weights" in capsys.readouterr().err


def test_a_home_too_deep_for_a_socket_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("COLONNADE_HOME", "/" + "x" * 200)
    assert main(["--check"]) == 2
    assert "COLONNADE_HOME" in capsys.readouterr().err
