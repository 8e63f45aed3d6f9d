"""A whole engine behind a real unix socket, in this process, with toys to serve."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.engine.v1 import engine_pb2_grpc
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.registry.v1 import manifest_pb2
from colonnade.engine.artefacts import Manifest
from colonnade.engine.core import Core
from colonnade.engine.loop import Loop
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.models import ModelHost
from colonnade.engine.scheduler import Limits
from colonnade.engine.service import Engine
from colonnade.engine.servicer import FULL_NAME, EngineServicer
from colonnade.models.families import catalog
from colonnade.rpc import CallContext, Identity, Peer, Server, bound
from colonnade.security.access.engine import RPCS
from colonnade.security.identity import Principal, Role
from colonnade.storage.blobs import LocalBlobStore
from colonnade.telemetry.metrics import CollectorRegistry
from tests.unit.engine.toys.artefacts import put

_R = TypeVar("_R")
LIMIT = 20.0
"""Seconds that nothing in these tests may take."""


@dataclass
class Served:
    engine: Engine
    core: Core
    peer: Peer
    identity: Identity
    blobs: LocalBlobStore
    registry: CollectorRegistry
    stub: Any = field(init=False)

    def __post_init__(self) -> None:
        self.stub = engine_pb2_grpc.EngineServiceStub(self.peer.channel)

    async def call(self, method: str, request: Any, response: type[_R], **more: Any) -> _R:
        return await self.peer.unary(getattr(self.stub, method), request, response, **more)

    def submit(self, generation: generation_pb2.Generation, **more: Any) -> AsyncIterator[pb.SubmitResponse]:
        request = pb.SubmitRequest(generation=generation)
        return self.peer.stream(self.stub.Submit, request, pb.SubmitResponse, **more)

    async def answer(self, generation: generation_pb2.Generation) -> generation_pb2.Chunk:
        """All chunks as one."""
        whole = generation_pb2.Chunk()
        async for response in self.submit(generation):
            assert response.chunk.text == "".join(token.text for token in response.chunk.tokens)
            text = whole.text + response.chunk.text
            whole.MergeFrom(response.chunk)
            whole.text = text
        return whole

    async def load(self, family: str = "autoregressive", name: str = "") -> generation_pb2.ModelRef:
        manifest = await put(self.blobs, family, name)
        request = pb.LoadRequest(manifest=on_wire(manifest))
        last = pb.LoadResponse()
        async for last in self.peer.stream(self.stub.Load, request, pb.LoadResponse):
            assert last.stage in ("verify", "weights", "ready")
        assert last.loaded.model.digest == manifest.ref.digest
        return last.loaded.model

    async def stats(self) -> pb.StatsResponse:
        return await self.call("Stats", pb.StatsRequest(), pb.StatsResponse)

    async def until(self, holds: Callable[[pb.StatsResponse], bool]) -> None:
        """Asks the engine until its figures are as wanted."""
        async with asyncio.timeout(LIMIT):
            while not holds(await self.stats()):
                pass

    def as_tenant(self, tenant: str) -> CallContext:
        principal = Principal(tenant, "someone", frozenset({Role.CALLER}))
        return CallContext(principal, self.identity.token(principal), f"call-of-{tenant}")


def on_wire(manifest: Manifest) -> manifest_pb2.Manifest:
    return manifest_pb2.Manifest(
        name=manifest.ref.name,
        version=manifest.ref.version,
        digest=manifest.ref.digest,
        family=manifest.family,
        parameters=manifest.parameters,
        artefacts=[
            manifest_pb2.Artefact(path=each.path, digest=each.digest, size_bytes=each.size_bytes)
            for each in manifest.artefacts
        ],
    )


def asking(model: generation_pb2.ModelRef, prompt: str = "hello", **more: Any) -> generation_pb2.Generation:
    return generation_pb2.Generation(model=model, prompt=prompt, **{"max_tokens": 5, **more})


@asynccontextmanager
async def serving(
    limits: Limits = Limits(),  # noqa: B008
    load: catalog.Loader = catalog.load,
) -> AsyncGenerator[Served, None]:
    """An engine, its server and a peer; the folder is short, as sockets' paths must be."""
    with tempfile.TemporaryDirectory(prefix="cln-") as name:
        folder, registry = Path(name), CollectorRegistry()
        identity, core = Identity("inference", folder / "identity"), Core(limits)
        blobs = LocalBlobStore(folder / "blobs")
        host = ModelHost(blobs, core, memory_bytes=1 << 24, load=load)
        engine = Engine(core, host, EngineMetrics(registry), drive=partial(Loop, core, threads=1))
        server = Server(f"unix:{folder}/run/engine.sock", RPCS, identity)
        server.add(
            engine_pb2_grpc.add_EngineServiceServicer_to_server, EngineServicer(engine, 0.05), FULL_NAME
        )
        engine.start()
        await server.start()
        try:
            async with Peer("engine", server.address, identity) as peer:
                yield Served(engine, core, peer, identity, blobs, registry)
        finally:
            await engine.close()
            await server.stop(0)


__all__ = ["LIMIT", "Served", "asking", "bound", "on_wire", "serving"]
