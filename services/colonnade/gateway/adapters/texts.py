"""The reader of texts on the inference service's gRPC."""

from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.inference import model_ref, token_of
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Target
from colonnade.gateway.domain.texts import Embedded, EmbeddingSpec, Scored, ScoredText, ScoreSpec


class InferenceTexts:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = InferenceServiceStub(calls.peer.channel)

    async def embed(self, caller: Caller, spec: EmbeddingSpec, target: Target) -> Embedded:
        request = inference_pb2.EmbedRequest(
            model=model_ref(target), texts=spec.texts, truncate=spec.truncate
        )
        answer = await self._calls.unary(caller, self._stub.Embed, request, inference_pb2.EmbedResponse)
        vectors = tuple(tuple(embedding.values) for embedding in answer.embeddings)
        return Embedded(vectors, answer.prompt_tokens)

    async def score(self, caller: Caller, spec: ScoreSpec, target: Target) -> Scored:
        request = inference_pb2.ScoreRequest(model=model_ref(target), context=spec.context, texts=spec.texts)
        answer = await self._calls.unary(caller, self._stub.Score, request, inference_pb2.ScoreResponse)
        texts = tuple(
            ScoredText(tuple(token_of(token) for token in text.tokens), text.total_logprob)
            for text in answer.scores
        )
        return Scored(texts, answer.prompt_tokens)
