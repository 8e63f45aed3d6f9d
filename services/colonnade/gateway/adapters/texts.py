"""The reader of texts on the inference service's gRPC."""

from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.inference import chat_of, model_ref, token_of
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Target
from colonnade.gateway.domain.texts import (
    DetokenizeSpec,
    Embedded,
    EmbeddingSpec,
    Scored,
    ScoredText,
    ScoreSpec,
    Tokenized,
    TokenizeSpec,
)


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

    async def tokenize(self, caller: Caller, spec: TokenizeSpec, target: Target) -> Tokenized:
        request = inference_pb2.TokenizeRequest(
            model=model_ref(target), add_special_tokens=spec.special_tokens, with_texts=spec.with_texts
        )
        if spec.messages is None:
            request.text = spec.prompt or ""
        else:
            request.chat.CopyFrom(chat_of(spec.messages))
        answer = await self._calls.unary(caller, self._stub.Tokenize, request, inference_pb2.TokenizeResponse)
        return Tokenized(tuple(answer.ids), tuple(answer.texts), answer.context_length)

    async def detokenize(self, caller: Caller, spec: DetokenizeSpec, target: Target) -> str:
        request = inference_pb2.DetokenizeRequest(model=model_ref(target), ids=spec.ids)
        answer = await self._calls.unary(
            caller, self._stub.Detokenize, request, inference_pb2.DetokenizeResponse
        )
        return answer.text
