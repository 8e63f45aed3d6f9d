"""The registry and the inference service as memory asks them, over their sockets."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colonnade.api.engine.v1 import engine_pb2
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import (
    InferenceServiceServicer,
    add_InferenceServiceServicer_to_server,
)
from colonnade.api.registry.v1 import manifest_pb2, registry_pb2
from colonnade.api.registry.v1.registry_pb2_grpc import (
    RegistryServiceServicer,
    add_RegistryServiceServicer_to_server,
)
from colonnade.errors import ColonnadeError, NotFound
from colonnade.rpc import Identity, Peer, Server, current
from colonnade.security.access import inference, registry
from colonnade.security.identity import Principal
from tests.unit.memory.house import FakeEmbedder

ENCODER = manifest_pb2.Manifest(name="minilm", version=2, digest=f"sha256:{'e' * 64}", family="encoder")
TALKER = manifest_pb2.Manifest(
    name="talker", version=1, digest=f"sha256:{'1' * 64}", family="transformer", context_length=2048
)


@dataclass
class FakeRegistry(RegistryServiceServicer):
    """``encoders``: whether a model is made for embeddings. Without one, the default stands in for it."""

    encoders: bool = True
    asked: list[registry_pb2.ResolveRequest] = field(default_factory=list)

    async def Resolve(
        self, request: registry_pb2.ResolveRequest, context: Any
    ) -> registry_pb2.ResolveResponse:
        self.asked.append(request)
        if request.reference not in ("", "minilm", "talker"):
            raise NotFound(f"there is no model {request.reference}", field="model")
        encodes = (request.embeds and self.encoders) or request.reference == "minilm"
        target = registry_pb2.ResolvedTarget(manifest=ENCODER if encodes else TALKER, weight=90)
        other = registry_pb2.ResolvedTarget(manifest=TALKER, weight=10)
        return registry_pb2.ResolveResponse(name=target.manifest.name, targets=[other, target])


@dataclass
class FakeInference(InferenceServiceServicer):
    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)
    failure: ColonnadeError | None = None
    says: str = "In short: they talked."
    embeds: list[tuple[Principal, inference_pb2.EmbedRequest]] = field(default_factory=list)
    scores: list[inference_pb2.ScoreRequest] = field(default_factory=list)
    generations: list[inference_pb2.GenerateWholeRequest] = field(default_factory=list)

    async def Embed(self, request: inference_pb2.EmbedRequest, context: Any) -> inference_pb2.EmbedResponse:
        self.embeds.append((current().principal, request))
        if self.failure:
            raise self.failure
        vectors = (await self.embedder.embed(request.texts)).vectors
        return inference_pb2.EmbedResponse(
            embeddings=[engine_pb2.Embedding(values=[3 * each for each in vector]) for vector in vectors],
            model=request.model,
        )

    async def Score(self, request: inference_pb2.ScoreRequest, context: Any) -> inference_pb2.ScoreResponse:
        """Each token is the likelier, the more often its text stands in the context."""
        self.scores.append(request)
        if self.failure:
            raise self.failure
        tokens = [
            generation_pb2.Token(text=word, logprob=-1.0 / (1 + request.context.count(word)))
            for word in request.texts[0].split()
        ]
        total = sum(token.logprob for token in tokens)
        return inference_pb2.ScoreResponse(scores=[engine_pb2.ScoredText(tokens=tokens, total_logprob=total)])

    async def GenerateWhole(
        self, request: inference_pb2.GenerateWholeRequest, context: Any
    ) -> inference_pb2.GenerateWholeResponse:
        self.generations.append(request)
        if self.failure:
            raise self.failure
        finish = generation_pb2.Finish(reason=generation_pb2.FINISH_REASON_STOP)
        chunk = generation_pb2.Chunk(text=self.says, finish=finish)
        return inference_pb2.GenerateWholeResponse(parts=[inference_pb2.GenerateResponse(chunk=chunk)])


@dataclass
class Neighbours:
    """``peer`` reaches one of them as the memory service does."""

    folder: Path
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    inference: FakeInference = field(default_factory=FakeInference)

    @property
    def identity(self) -> Identity:
        return Identity("memory", self.folder / "identity")

    def peer(self, service: str) -> Peer:
        return Peer(service, f"unix:{self.folder}/run/{service}.sock", self.identity)


@asynccontextmanager
async def neighbours(folder: Path) -> AsyncIterator[Neighbours]:
    """Both, in the sockets of a home folder."""
    found = Neighbours(folder)
    async with AsyncExitStack() as stack:
        for name, table, add, servicer in (
            ("registry", registry.RPCS, add_RegistryServiceServicer_to_server, found.registry),
            ("inference", inference.RPCS, add_InferenceServiceServicer_to_server, found.inference),
        ):
            server = Server(f"unix:{folder}/run/{name}.sock", table, found.identity)
            server.add(add, servicer, name)
            await server.start()
            stack.push_async_callback(server.stop, 0)
        yield found
