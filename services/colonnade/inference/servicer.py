"""The contract's messages to the router's words and back."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceServicer
from colonnade.inference.caching_wire import CacheKeys, stats_of
from colonnade.inference.overview import Overview
from colonnade.inference.registrations import Registrations
from colonnade.inference.service import Inference
from colonnade.inference.whole import collected, for_at_most
from colonnade.inference.wire import (
    checked_request_id,
    engine_of,
    fallback_works,
    generation_work,
    responses_of,
    shadow_work,
    tokens_of,
    work_of,
)
from colonnade.rpc import current

FULL_NAME = wire.DESCRIPTOR.services_by_name["InferenceService"].full_name


class InferenceServicer(InferenceServiceServicer):
    def __init__(
        self,
        inference: Inference,
        overview: Overview,
        registrations: Registrations,
        cache_keys: CacheKeys | None = None,
    ) -> None:
        """Without ``cache_keys`` no answer is kept."""
        self._inference = inference
        self._cache_keys = cache_keys
        self._overview = overview
        self._registrations = registrations

    async def Generate(
        self, request: wire.GenerateRequest, context: Any
    ) -> AsyncGenerator[wire.GenerateResponse]:
        call, keys = current(), self._cache_keys
        tenant = call.principal.tenant
        caching = keys.of(request, tenant, call.deadline) if keys else None
        shadow = shadow_work(request, tenant)  # before the work: it may draw the seed of both
        work, fallbacks = generation_work(request.generation, tenant), fallback_works(request, tenant)
        async with aclosing(self._inference.generate(work, fallbacks, shadow, caching)) as chunks:
            async for chunk in chunks:
                for response in responses_of(chunk, request):
                    yield response

    async def GenerateWhole(
        self, request: wire.GenerateWholeRequest, context: Any
    ) -> wire.GenerateWholeResponse:
        listed = request.request.generation.HasField("logprobs")
        with for_at_most(request.seconds):
            responses = self.Generate(request.request, context)
            return await collected(responses, listed=listed, seconds=request.seconds)

    async def Abort(self, request: wire.AbortRequest, context: Any) -> wire.AbortResponse:
        request_id = checked_request_id(request.request_id)
        return wire.AbortResponse(found=await self._inference.abort(current().principal.tenant, request_id))

    async def Score(self, request: wire.ScoreRequest, context: Any) -> wire.ScoreResponse:
        texts = request.texts or [request.text]
        tokens = tokens_of(*texts, *[request.context] * len(texts))
        work = work_of(request.model, request, tokens)
        scored = await self._inference.score(work)
        return wire.ScoreResponse(
            tokens=scored.tokens,
            total_logprob=scored.total_logprob,
            model=scored.model,
            scores=scored.scores,
            prompt_tokens=scored.prompt_tokens,
        )

    async def Embed(self, request: wire.EmbedRequest, context: Any) -> wire.EmbedResponse:
        tokens = tokens_of(*request.texts)
        work = work_of(request.model, request, tokens)
        embedded = await self._inference.embed(work)
        return wire.EmbedResponse(
            embeddings=embedded.embeddings, prompt_tokens=embedded.prompt_tokens, model=embedded.model
        )

    async def Tokenize(self, request: wire.TokenizeRequest, context: Any) -> wire.TokenizeResponse:
        found = await self._inference.tokenize(work_of(request.model, request))
        return wire.TokenizeResponse(
            ids=found.ids, texts=found.texts, context_length=found.context_length, model=found.model
        )

    async def Detokenize(self, request: wire.DetokenizeRequest, context: Any) -> wire.DetokenizeResponse:
        found = await self._inference.detokenize(work_of(request.model, request))
        return wire.DetokenizeResponse(text=found.text, model=found.model)

    async def Prepare(self, request: wire.PrepareRequest, context: Any) -> wire.PrepareResponse:
        work = work_of(request.model, tokens=1)
        prepared = await self._inference.prepare(work)
        return wire.PrepareResponse(loaded=prepared.loaded.parcel)

    async def ListEngines(self, request: wire.ListEnginesRequest, context: Any) -> wire.ListEnginesResponse:
        return wire.ListEnginesResponse(engines=[engine_of(each) for each in self._overview.engines()])

    async def PurgeCache(self, request: wire.PurgeCacheRequest, context: Any) -> wire.PurgeCacheResponse:
        answers = self._inference.answers
        forgotten = await answers.purge(request.digest, request.tenant) if answers else 0
        return wire.PurgeCacheResponse(answers=forgotten)

    async def GetCache(self, request: wire.GetCacheRequest, context: Any) -> wire.GetCacheResponse:
        answers, keys = self._inference.answers, self._cache_keys
        return stats_of(answers.figures() if answers else None, keys.thresholds if keys else {})

    async def Register(self, request: wire.RegisterRequest, context: Any) -> wire.RegisterResponse:
        granted = self._registrations.register(request.address, request.lease_seconds)
        return wire.RegisterResponse(lease_seconds=granted)

    async def Deregister(self, request: wire.DeregisterRequest, context: Any) -> wire.DeregisterResponse:
        return wire.DeregisterResponse(found=self._registrations.deregister(request.address))
