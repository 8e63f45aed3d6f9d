"""Imports with the real converter: the bundled model, a small Hugging Face folder, and what is refused."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade.api.registry.v1 import registry_pb2 as messages
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import ColonnadeError, NotFound
from colonnade.registry.__main__ import wired
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import Identity, Peer
from colonnade.security.identity import Principal, Role
from colonnade.storage.blobs import LocalBlobStore
from tests.harness.tiny_model import write_tiny_llama

pytestmark = pytest.mark.slow
FILES = {
    "colonnade.json", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
    "tokenizer_config.json",
}  # fmt: skip


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    monkeypatch.setenv("COLONNADE_REGISTRY_IMPORT_ROOTS", str(short_folder))
    monkeypatch.setenv("COLONNADE_REGISTRY_METRICS_PORT", "0")
    return short_folder


@pytest.fixture
async def peer(home: Path) -> AsyncIterator[Peer]:
    identity = Identity("gateway", home / "identity")
    identity.principal = Principal("acme", "eve", frozenset({Role.MODEL_ENGINEER}))
    async with (
        wired(RegistrySettings()) as server,
        Peer("registry", f"unix:{home}/run/registry.sock", identity) as peer,
    ):
        await server.start()
        yield peer
        await server.stop(0)


async def imported(peer: Peer, source: str, name: str) -> list[messages.ImportModelResponse]:
    request = messages.ImportModelRequest(source=source, name=name)
    stub = RegistryServiceStub(peer.channel)
    return [event async for event in peer.stream(stub.ImportModel, request, messages.ImportModelResponse)]


async def test_the_bundled_model_twice(peer: Peer, home: Path) -> None:
    events = await imported(peer, "bundled:smollm2-135m-instruct", "smollm2")
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == ["queued", "read", "convert", "write", "store", "register", "done"]
    version = events[-1].version
    manifest = version.manifest
    assert (manifest.version, manifest.family, manifest.size_label) == (1, "transformer", "135M")
    assert manifest.parameters == 134_515_008
    assert {artefact.path for artefact in manifest.artefacts} == FILES
    blobs = LocalBlobStore(home / "blobs")
    for artefact in manifest.artefacts:
        assert await blobs.verify(artefact.digest)
    again = (await imported(peer, "bundled:smollm2-135m-instruct", "smollm2"))[-1].version
    assert again == version  # the conversion is deterministic, and equal content is one version


async def test_a_hugging_face_folder(peer: Peer, home: Path) -> None:
    folder = write_tiny_llama(home / "tiny")
    manifest = (await imported(peer, str(folder), "tiny"))[-1].version.manifest
    assert {artefact.path for artefact in manifest.artefacts} == FILES
    assert manifest.context_length == 8192
    other = write_tiny_llama(home / "other", seed=1)
    assert (await imported(peer, str(other), "tiny"))[-1].version.manifest.version == 2


@pytest.mark.parametrize("spoilt", ["architecture", "pickle", "truncated", "empty"])
async def test_what_is_refused_leaves_no_model(peer: Peer, home: Path, spoilt: str) -> None:
    folder = write_tiny_llama(home / "tiny")
    weights = folder / "model.safetensors"
    if spoilt == "architecture":
        config = json.loads((folder / "config.json").read_text())
        config |= {"model_type": "mamba", "architectures": ["MambaForCausalLM"]}
        (folder / "config.json").write_text(json.dumps(config))
    elif spoilt == "pickle":
        weights.rename(folder / "pytorch_model.bin")
    elif spoilt == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        weights.write_bytes(b"")
    with pytest.raises(ColonnadeError) as refusal:
        await imported(peer, str(folder), "tiny")
    assert refusal.value.code in ("unsupported", "invalid_argument", "not_found")
    assert str(home) not in refusal.value.message
    request = messages.GetModelRequest(name="tiny")
    with pytest.raises(NotFound):
        await peer.unary(RegistryServiceStub(peer.channel).GetModel, request, messages.GetModelResponse)
