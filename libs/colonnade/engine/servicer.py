"""The engine on the wire: ``colonnade.api.engine.v1.EngineService``."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.engine.v1 import engine_pb2_grpc
from colonnade.engine import wire
from colonnade.engine.runtime import Runtime
from colonnade.engine.service import Engine
from colonnade.rpc import CallContext, current
from colonnade.security.inputs import digest as check_digest

FULL_NAME = pb.DESCRIPTOR.services_by_name["EngineService"].full_name


class EngineServicer(engine_pb2_grpc.EngineServiceServicer):
    def __init__(self, engine: Engine, deadline_margin_seconds: float) -> None:
        self._engine, self._margin = engine, deadline_margin_seconds

    async def Submit(
        self, request: pb.SubmitRequest, context: Any
    ) -> AsyncGenerator[pb.SubmitResponse, None]:
        call = current()
        asked = wire.generation_of(
            request.generation,
            tenant=call.principal.tenant,
            request_id=call.request_id,
            deadline=self._deadline(call),
        )
        runtime = self._engine.host.find(asked.digest)
        async with aclosing(self._engine.generate(asked)) as chunks:
            async for chunk in chunks:
                yield pb.SubmitResponse(chunk=wire.chunk_of(chunk, runtime))

    async def Abort(self, request: pb.AbortRequest, context: Any) -> pb.AbortResponse:
        return pb.AbortResponse(found=self._engine.abort(current().principal.tenant, request.request_id))

    async def Score(self, request: pb.ScoreRequest, context: Any) -> pb.ScoreResponse:
        call = current()
        asked = wire.scoring_of(request, call.principal.tenant, call.request_id, self._deadline(call))
        runtime = self._engine.host.find(asked.digest)
        return wire.scores_of(await self._engine.score(asked), runtime, asked.adapter)

    async def Embed(self, request: pb.EmbedRequest, context: Any) -> pb.EmbedResponse:
        call = current()
        asked = wire.embedding_of(request, call.principal.tenant, call.request_id, self._deadline(call))
        runtime = self._engine.host.find(asked.digest)
        return wire.embeddings_of(await self._engine.embed(asked), runtime, asked.adapter)

    async def Tokenize(self, request: pb.TokenizeRequest, context: Any) -> pb.TokenizeResponse:
        asked = wire.tokenizing_of(request, current().principal.tenant)
        runtime = self._engine.host.find(asked.asked.digest)
        return wire.tokens_in(await self._engine.tokenize(asked, runtime), runtime)

    async def Detokenize(self, request: pb.DetokenizeRequest, context: Any) -> pb.DetokenizeResponse:
        runtime = self._engine.host.find(check_digest(request.model.digest, "model.digest"))
        text = await self._engine.detokenize(list(request.ids), runtime)
        return pb.DetokenizeResponse(text=text, model=wire.model_ref(runtime.ref))

    async def Load(self, request: pb.LoadRequest, context: Any) -> AsyncGenerator[pb.LoadResponse, None]:
        manifest = wire.manifest_of(request.manifest)
        async with aclosing(self._engine.host.load(manifest)) as stages:
            async for progress in stages:
                ready = progress.stage == "ready"
                loaded = self._loaded(self._engine.host.find(manifest.ref.digest)) if ready else None
                yield wire.progress_of(progress, loaded)

    async def Unload(self, request: pb.UnloadRequest, context: Any) -> pb.UnloadResponse:
        return pb.UnloadResponse(found=self._engine.host.unload(check_digest(request.digest, "digest")))

    async def LoadAdapter(self, request: pb.LoadAdapterRequest, context: Any) -> pb.LoadAdapterResponse:
        host, manifest = self._engine.host, wire.manifest_of(request.manifest)
        await host.adapters.load(host.find(check_digest(request.model_digest, "model_digest")), manifest)
        return pb.LoadAdapterResponse()

    async def UnloadAdapter(self, request: pb.UnloadAdapterRequest, context: Any) -> pb.UnloadAdapterResponse:
        digest = check_digest(request.adapter_digest, "adapter_digest")
        return pb.UnloadAdapterResponse(found=self._engine.host.adapters.unload(digest))

    async def Stats(self, request: pb.StatsRequest, context: Any) -> pb.StatsResponse:
        engine = self._engine
        load = engine.core.load()
        return pb.StatsResponse(
            models=[self._loaded(each) for each in engine.host.loaded],
            memory_budget_bytes=engine.host.memory_bytes,
            memory_used_bytes=engine.host.used_bytes,
            cache_bytes=load.cache_bytes,
            queue_capacity=engine.core.limits.queue_capacity,
            outstanding_tokens=load.outstanding_tokens,
            draining=engine.core.draining,
            instance=engine.instance,
            cache_limit_bytes=engine.core.limits.cache_bytes,
            cached_prefix_bytes=load.cached_bytes,
            prefix_hit_tokens=load.prefix_hit_tokens,
            preemptions=load.preemptions,
            draft=engine.host.draft,
            checks_seals=engine.host.seals.checked,
        )

    def _loaded(self, runtime: Runtime) -> pb.LoadedModel:
        return wire.loaded_model(runtime, *self._engine.requests_of(runtime), self._engine.host.seals)

    def _deadline(self, call: CallContext) -> float | None:
        """A little before the caller's, but no more than a tenth of what is left."""
        remaining = call.remaining()
        if call.deadline is None or remaining is None:
            return None
        return call.deadline - min(self._margin, remaining / 10)
