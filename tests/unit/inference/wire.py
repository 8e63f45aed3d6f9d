"""An engine and a registry behind their real contracts, to be served on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from colonnade.api.engine.v1 import engine_pb2 as engine
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceServicer
from colonnade.api.generation.v1.generation_pb2 import (
    FINISH_REASON_CANCELLED,
    FINISH_REASON_STOP,
    Chunk,
    Finish,
    ModelRef,
    Token,
    Usage,
)
from colonnade.api.registry.v1 import registry_pb2 as registry
from colonnade.api.registry.v1.manifest_pb2 import Artefact, Manifest
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceServicer
from colonnade.errors import Internal, NotFound
from colonnade.rpc import CallContext, current

MANIFEST = Manifest(
    name="tiny",
    version=3,
    digest="sha256:" + "ab" * 32,
    family="transformer",
    artefacts=[Artefact(path="model.safetensors", digest="sha256:" + "cd" * 32, size_bytes=7)],
)
ADAPTER = Manifest(
    name="poet",
    version=1,
    digest="sha256:" + "ef" * 32,
    family="lora",
    base=MANIFEST.digest,
    artefacts=[Artefact(path="adapter_model.safetensors", digest="sha256:" + "01" * 32, size_bytes=7)],
)
REF = ModelRef(name="tiny", version=3, digest=MANIFEST.digest)
LOADED = engine.LoadedModel(model=REF, family="transformer", memory_bytes=7, context_length=64)
CHUNKS = [
    Chunk(text="Hel", tokens=[Token(id=1, text="Hel", logprob=-0.5)]),
    Chunk(text="lo", tokens=[Token(id=2, text="lo")]),
    Chunk(
        finish=Finish(
            reason=FINISH_REASON_STOP, usage=Usage(prompt_tokens=2, completion_tokens=2), seed=2**63 + 1
        )
    ),
]

CANCELLED = Chunk(
    finish=Finish(reason=FINISH_REASON_CANCELLED, usage=Usage(prompt_tokens=2, completion_tokens=1))
)


class EngineDouble(EngineServiceServicer):
    def __init__(self) -> None:
        self.calls: dict[str, list[tuple[Any, CallContext]]] = {}
        self.models: list[engine.LoadedModel] = []
        self.instance = "one"
        self.began, self.ended = asyncio.Event(), asyncio.Event()
        self.refused = ""
        """The digest of a version that it fails with."""
        self.endless = False
        """Until it is aborted."""
        self.aborted = asyncio.Event()

    def _note(self, name: str, request: Any) -> None:
        self.calls.setdefault(name, []).append((request, current()))

    async def Stats(self, request: engine.StatsRequest, context: Any) -> engine.StatsResponse:
        self._note("Stats", request)
        return engine.StatsResponse(
            models=self.models, memory_budget_bytes=100, memory_used_bytes=30, instance=self.instance
        )

    async def LoadAdapter(
        self, request: engine.LoadAdapterRequest, context: Any
    ) -> engine.LoadAdapterResponse:
        self._note("LoadAdapter", request)
        return engine.LoadAdapterResponse()

    async def Load(self, request: engine.LoadRequest, context: Any) -> AsyncIterator[engine.LoadResponse]:
        self._note("Load", request)
        yield engine.LoadResponse(stage="verify", fraction=1)
        self.models.append(LOADED)
        yield engine.LoadResponse(stage="ready", fraction=1, loaded=LOADED)

    async def Submit(
        self, request: engine.SubmitRequest, context: Any
    ) -> AsyncIterator[engine.SubmitResponse]:
        self._note("Submit", request)
        self.began.set()
        if request.generation.model.digest == self.refused:
            raise Internal("a fault")
        try:
            for chunk in CHUNKS:
                yield engine.SubmitResponse(chunk=chunk)
                if self.endless:
                    await self.aborted.wait()
                    yield engine.SubmitResponse(chunk=CANCELLED)
                    return
        finally:
            self.ended.set()

    async def Score(self, request: engine.ScoreRequest, context: Any) -> engine.ScoreResponse:
        self._note("Score", request)
        scores = [engine.ScoredText(tokens=CHUNKS[0].tokens, total_logprob=-0.5)]
        return engine.ScoreResponse(
            tokens=CHUNKS[0].tokens, total_logprob=-0.5, model=REF, scores=scores, prompt_tokens=3
        )

    async def Embed(self, request: engine.EmbedRequest, context: Any) -> engine.EmbedResponse:
        self._note("Embed", request)
        vectors = [engine.Embedding(values=[0.25, 0.5])]
        return engine.EmbedResponse(embeddings=vectors, prompt_tokens=4, model=REF)

    async def Tokenize(self, request: engine.TokenizeRequest, context: Any) -> engine.TokenizeResponse:
        self._note("Tokenize", request)
        return engine.TokenizeResponse(ids=[5, 6], texts=["a", "b"], context_length=64, model=REF)

    async def Detokenize(self, request: engine.DetokenizeRequest, context: Any) -> engine.DetokenizeResponse:
        self._note("Detokenize", request)
        return engine.DetokenizeResponse(text="ab", model=REF)

    async def Abort(self, request: engine.AbortRequest, context: Any) -> engine.AbortResponse:
        self._note("Abort", request)
        self.aborted.set()
        return engine.AbortResponse(found=True)

    async def Unload(self, request: engine.UnloadRequest, context: Any) -> engine.UnloadResponse:
        return engine.UnloadResponse()

    async def UnloadAdapter(
        self, request: engine.UnloadAdapterRequest, context: Any
    ) -> engine.UnloadAdapterResponse:
        return engine.UnloadAdapterResponse()


class RegistryDouble(RegistryServiceServicer):
    def __init__(self) -> None:
        self.calls: list[CallContext] = []
        self.targets: list[registry.ResolvedTarget] = []

    async def GetManifest(
        self, request: registry.GetManifestRequest, context: Any
    ) -> registry.GetManifestResponse:
        self.calls.append(current())
        known = {each.digest: each for each in (MANIFEST, ADAPTER)}
        if request.digest not in known:
            raise NotFound("no version has this digest", field="digest")
        return registry.GetManifestResponse(manifest=known[request.digest])

    async def Resolve(self, request: registry.ResolveRequest, context: Any) -> registry.ResolveResponse:
        self.calls.append(current())
        assert request == registry.ResolveRequest(), "the default is what an empty reference resolves to"
        if not self.targets:
            raise NotFound("no model yet")
        return registry.ResolveResponse(name="tiny", alias="production", targets=self.targets)

    async def ListModels(
        self, request: registry.ListModelsRequest, context: Any
    ) -> registry.ListModelsResponse:
        return registry.ListModelsResponse()

    async def GetModel(self, request: registry.GetModelRequest, context: Any) -> registry.GetModelResponse:
        return registry.GetModelResponse()

    async def SetAlias(self, request: registry.SetAliasRequest, context: Any) -> registry.SetAliasResponse:
        return registry.SetAliasResponse()

    async def DeleteAlias(
        self, request: registry.DeleteAliasRequest, context: Any
    ) -> registry.DeleteAliasResponse:
        return registry.DeleteAliasResponse()

    async def ImportModel(
        self, request: registry.ImportModelRequest, context: Any
    ) -> AsyncIterator[registry.ImportModelResponse]:
        yield registry.ImportModelResponse()
