"""An engine behind its socket with one real little model, and the same model at hand to compare with."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import torch

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.engine.v1 import engine_pb2_grpc
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.engine.artefacts import Artefact, Manifest, runtime_of
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.models.artefact import Description
from colonnade.models.convert.command import convert
from colonnade.models.families import catalog
from colonnade.rpc import CallContext, Identity, Peer, bound
from colonnade.security.identity import Principal, Role
from colonnade.storage.blobs import BlobStore
from tests.contract.engine.over_grpc import OverGrpc
from tests.harness.tiny_model import write_tiny_llama
from tests.unit.engine.served import on_wire

_R = TypeVar("_R")
NO_END = {0: -100.0}
"""Of a little model's tokens the one that ends an answer, barred."""


@dataclass(frozen=True)
class Little:
    """A version as a registry keeps it, and its files."""

    manifest: Manifest
    files: Mapping[str, Path]

    def runtime(self) -> Runtime:
        model = catalog.load(self.files, dtype=torch.float32)
        return runtime_of(self.manifest.ref, self.manifest.family, model, self.files)


async def little_llama(blobs: BlobStore, folder: Path, *, name: str = "little", seed: int = 0) -> Little:
    """Imported from Hugging Face's layout, of a shape that every engine has kernels for."""
    source = write_tiny_llama(folder / "source", seed=seed, width=128)
    return await imported(blobs, source, folder / "made", name)


async def imported(blobs: BlobStore, source: Path, made: Path, name: str) -> Little:
    await asyncio.to_thread(convert, source, made, lambda _: None)
    about = Description.read(made / "colonnade.json")
    artefacts = []
    for path in sorted(made.iterdir()):
        blob = await blobs.put_file(path)
        artefacts.append(Artefact(path.name, blob.digest, blob.size_bytes))
    unnamed = Manifest(ModelRef(name, 1, ""), about.family, about.parameters, artefacts)
    named = Manifest(ModelRef(name, 1, unnamed.computed_digest), about.family, about.parameters, artefacts)
    return Little(named, {path.name: path for path in made.iterdir()})


@dataclass
class Wire:
    """Everything runs on ``runner``'s loop; ``model`` is loaded from ``little``."""

    runner: asyncio.Runner
    peer: Peer
    identity: Identity
    blobs: BlobStore
    little: Little
    folder: Path
    model: gen.ModelRef = field(default_factory=gen.ModelRef)
    reference: Runtime = field(init=False)
    stub: Any = field(init=False)

    def __post_init__(self) -> None:
        self.stub = engine_pb2_grpc.EngineServiceStub(self.peer.channel)
        self.reference = self.little.runtime()
        self.load(self.little)

    @property
    def engine(self) -> OverGrpc:
        return OverGrpc(self.runner, self.peer, self.model)

    def run(self, work: Coroutine[Any, Any, _R]) -> _R:
        """With the identity that is bound here; a runner has a context of its own."""
        return self.runner.run(work, context=copy_context())

    def load(self, little: Little) -> pb.LoadedModel:
        loaded = self.run(self.aload(little))
        if little is self.little:
            self.model = loaded.model
        return loaded

    async def aload(self, little: Little) -> pb.LoadedModel:
        request = pb.LoadRequest(manifest=on_wire(little.manifest))
        stream = self.peer.stream(self.stub.Load, request, pb.LoadResponse, timeout=200)
        return [stage async for stage in stream][-1].loaded

    def call(self, method: str, request: Any, response: type[_R], **more: Any) -> _R:
        return self.run(self.acall(method, request, response, **more))

    async def acall(self, method: str, request: Any, response: type[_R], **more: Any) -> _R:
        return await self.peer.unary(getattr(self.stub, method), request, response, **more)

    def stats(self) -> pb.StatsResponse:
        return self.call("Stats", pb.StatsRequest(), pb.StatsResponse)

    def asking(self, prompt: str = "The quick", **more: Any) -> gen.Generation:
        return gen.Generation(**cast("Any", {"model": self.model, "prompt": prompt, "max_tokens": 8, **more}))

    def chunks(self, *asked: gen.Generation, **more: Any) -> list[list[gen.Chunk]]:
        """What each got, all asked at once."""

        async def together() -> list[list[gen.Chunk]]:
            return await asyncio.gather(*(self.achunks(each, **more) for each in asked))

        return self.run(together())

    async def achunks(self, asked: gen.Generation, **more: Any) -> list[gen.Chunk]:
        request = pb.SubmitRequest(generation=asked)
        stream = cast("Any", self.peer.stream(self.stub.Submit, request, pb.SubmitResponse, **more))
        async with aclosing(stream) as responses:
            return [response.chunk async for response in responses]

    def answer(self, asked: gen.Generation, **more: Any) -> gen.Chunk:
        """All chunks as one."""
        return whole(self.chunks(asked, **more)[0])

    def as_tenant(self, tenant: str) -> AbstractContextManager[CallContext]:
        principal = Principal(tenant, "someone", frozenset({Role.CALLER}))
        return bound(CallContext(principal, self.identity.token(principal), f"call-of-{tenant}"))


def whole(chunks: Sequence[gen.Chunk]) -> gen.Chunk:
    one = gen.Chunk()
    for chunk in chunks:
        assert chunk.text == "".join(token.text for token in chunk.tokens)
        text = one.text + chunk.text
        one.MergeFrom(chunk)
        one.text = text
    return one


def ids(chunk: gen.Chunk) -> list[int]:
    return [token.id for token in chunk.tokens]
