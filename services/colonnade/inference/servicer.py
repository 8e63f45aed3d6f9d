"""The contract's messages to the router's words and back."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from colonnade.api.engine.v1.engine_pb2 import StatsResponse
from colonnade.api.generation.v1.generation_pb2 import Generation
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceServicer
from colonnade.inference.domain import EngineView, Work
from colonnade.inference.service import Inference

FULL_NAME = wire.DESCRIPTOR.services_by_name["InferenceService"].full_name
_CHARACTERS_PER_TOKEN = 4


class InferenceServicer(InferenceServiceServicer):
    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    async def Generate(
        self, request: wire.GenerateRequest, context: Any
    ) -> AsyncIterator[wire.GenerateResponse]:
        async with aclosing(self._inference.generate(generation_work(request.generation))) as chunks:
            async for chunk in chunks:
                yield wire.GenerateResponse(chunk=chunk.parcel)

    async def Score(self, request: wire.ScoreRequest, context: Any) -> wire.ScoreResponse:
        texts = request.texts or [request.text]
        tokens = _tokens(*texts, *[request.context] * len(texts))
        work = Work(request.model.digest, request, tokens, adapter=request.model.adapter)
        scored = await self._inference.score(work)
        return wire.ScoreResponse(
            tokens=scored.tokens,
            total_logprob=scored.total_logprob,
            model=scored.model,
            scores=scored.scores,
            prompt_tokens=scored.prompt_tokens,
        )

    async def Embed(self, request: wire.EmbedRequest, context: Any) -> wire.EmbedResponse:
        tokens = _tokens(*request.texts)
        work = Work(request.model.digest, request, tokens, adapter=request.model.adapter)
        embedded = await self._inference.embed(work)
        return wire.EmbedResponse(
            embeddings=embedded.embeddings, prompt_tokens=embedded.prompt_tokens, model=embedded.model
        )

    async def Prepare(self, request: wire.PrepareRequest, context: Any) -> wire.PrepareResponse:
        prepared = await self._inference.prepare(Work(request.model.digest))
        return wire.PrepareResponse(loaded=prepared.loaded.parcel)

    async def ListEngines(self, request: wire.ListEnginesRequest, context: Any) -> wire.ListEnginesResponse:
        return wire.ListEnginesResponse(engines=[_engine(view) for view in self._inference.engines()])


def generation_work(generation: Generation) -> Work:
    """A generation costs about its prompt and all that its answers may hold."""
    texts = [message.content for message in generation.chat.messages]
    answers = max(1, generation.n) * max(0, generation.max_tokens)
    tokens = _tokens(generation.prompt, *texts) + answers
    return Work(generation.model.digest, generation, tokens, generation.session, generation.model.adapter)


def _tokens(*texts: str) -> int:
    return 1 + sum(len(text) for text in texts) // _CHARACTERS_PER_TOKEN


def _engine(view: EngineView) -> wire.Engine:
    stats = view.stats.parcel if view.stats else StatsResponse()
    return wire.Engine(address=view.address, ready=view.ready, stats=stats)
