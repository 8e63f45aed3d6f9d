"""The inference service over gRPC: vectors of texts, and how likely a question is after a passage.

Asked in the name of whoever asks, or of this service in their tenant (``acting``)."""

import asyncio
from collections.abc import Sequence
from math import sqrt

from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.errors import Unavailable, Unsupported
from colonnade.memory.adapters.models import Model
from colonnade.memory.ports import Embedded
from colonnade.rpc import Peer

_BATCH = 64
_MOST_CHARACTERS = 8000
"""Of a text. A sentence encoder reads far fewer; the whole of it would only travel."""
_SECONDS = 120.0
"""An engine may have to load the model first."""
_PASSAGES_AT_ONCE = 4
_ASKS = "\n\nA question that this passage answers: "


class InferenceEmbedder:
    """Implements ``ports.Embedder``."""

    def __init__(self, inference: Peer, model: Model) -> None:
        self._inference, self._stub = inference, InferenceServiceStub(inference.channel)
        self._model = model

    async def model(self) -> str:
        return (await self._model.version()).ref.digest

    async def embed(self, texts: Sequence[str]) -> Embedded:
        version = await self._model.version()
        vectors: list[Sequence[float]] = []
        for start in range(0, len(texts), _BATCH):
            batch = [text[:_MOST_CHARACTERS] for text in texts[start : start + _BATCH]]
            request = inference_pb2.EmbedRequest(model=version.ref, texts=batch, truncate=True)
            answer = await self._inference.unary(
                self._stub.Embed, request, inference_pb2.EmbedResponse, timeout=_SECONDS
            )
            vectors += [_unit(each.values) for each in answer.embeddings]
        if len(vectors) != len(texts):
            raise Unavailable("the engine embedded another number of texts than it was sent")
        return Embedded(version.ref.digest, vectors)


class InferenceReranker:
    """Implements ``ports.Reranker``: a passage is the better, the likelier the question is after it
    (Sachan et al. 2022)."""

    def __init__(self, inference: Peer, model: Model) -> None:
        self._inference, self._stub = inference, InferenceServiceStub(inference.channel)
        self._model = model

    async def likelihoods(self, question: str, passages: Sequence[str]) -> Sequence[float]:
        free = asyncio.Semaphore(_PASSAGES_AT_ONCE)
        version = await self._model.version()

        async def likelihood(passage: str) -> float:
            request = inference_pb2.ScoreRequest(
                model=version.ref, context=passage + _ASKS, texts=[question[:_MOST_CHARACTERS]]
            )
            async with free:
                answer = await self._inference.unary(
                    self._stub.Score, request, inference_pb2.ScoreResponse, timeout=_SECONDS
                )
            score = answer.scores[0] if answer.scores else None
            if score is None or not score.tokens:
                raise Unsupported("the model gives the question no tokens", field="query")
            return float(score.total_logprob / len(score.tokens))

        try:
            async with asyncio.TaskGroup() as group:  # none goes on where one has failed
                tasks = [group.create_task(likelihood(each)) for each in passages]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]


def _unit(values: Sequence[float]) -> Sequence[float]:
    norm = sqrt(sum(value * value for value in values))
    if not norm > 0:
        raise Unavailable("the engine answered a vector without a direction")
    return [value / norm for value in values]
