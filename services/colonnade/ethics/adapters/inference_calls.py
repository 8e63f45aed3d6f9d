"""The inference service over gRPC, asked in the name of whoever is screened: vectors of texts, and how likely
an answer is after a question."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.api.registry.v1 import registry_pb2
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import NotFound, Unavailable
from colonnade.ethics.ports import Embedded
from colonnade.rpc import Peer

_BATCH = 64
_RESOLVE_SECONDS, _FRESH_SECONDS = 5.0, 30.0
_SECONDS = 60.0
"""At most; how long a policy waits for a scorer is for the policy to say."""


class InferenceEmbedder:
    """Implements ``ports.Embedder`` with the version of this content, whatever it is called."""

    def __init__(self, inference: Peer, digest: str) -> None:
        self._inference, self._stub = inference, InferenceServiceStub(inference.channel)
        self._ref = ModelRef(digest=digest)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        rows: list[Sequence[float]] = []
        for start in range(0, len(texts), _BATCH):
            request = inference_pb2.EmbedRequest(
                model=self._ref, texts=texts[start : start + _BATCH], truncate=True
            )
            answer = await self._inference.unary(
                self._stub.Embed, request, inference_pb2.EmbedResponse, timeout=_SECONDS
            )
            rows += [each.values for each in answer.embeddings]
        if len(rows) != len(texts):
            raise Unavailable("the engine embedded another number of texts than it was sent")
        vectors = np.array(rows, np.float32)
        return Embedded(self._ref.digest, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


class InferenceJudge:
    """Implements ``ports.Judge`` with whichever version a reference stands for."""

    def __init__(self, inference: Peer, model: "Resolved") -> None:
        self._inference, self._stub = inference, InferenceServiceStub(inference.channel)
        self._model = model

    async def likelihoods(self, question: str, answers: Sequence[str]) -> Sequence[float]:
        request = inference_pb2.ScoreRequest(model=await self._model.ref(), context=question, texts=answers)
        answer = await self._inference.unary(
            self._stub.Score, request, inference_pb2.ScoreResponse, timeout=_SECONDS
        )
        if len(answer.scores) != len(answers):
            raise Unavailable("the engine scored another number of answers than it was sent")
        return [float(each.total_logprob) for each in answer.scores]


class Resolved:
    """The version that a reference stands for, asked by this service itself and remembered for a moment."""

    def __init__(
        self, registry: Peer, reference: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """An empty ``reference`` is the registry's default."""
        self._registry, self._stub = registry, RegistryServiceStub(registry.channel)
        self._request = registry_pb2.ResolveRequest(reference=reference)
        self._clock, self._until = clock, 0.0
        self._known = ModelRef()

    async def ref(self) -> ModelRef:
        """What the registry raises where it is away or knows no such model."""
        if self._clock() >= self._until:
            answer = await self._registry.unary(
                self._stub.Resolve, self._request, registry_pb2.ResolveResponse,
                as_service=True, timeout=_RESOLVE_SECONDS,
            )  # fmt: skip
            target = max(answer.targets, key=lambda each: each.weight, default=None)
            if target is None:
                raise NotFound(
                    "no model to judge with; import one, or name one", field="COLONNADE_ETHICS_JUDGE_MODEL"
                )
            found = target.manifest
            self._known = ModelRef(name=found.name, version=found.version, digest=found.digest)
            self._until = self._clock() + _FRESH_SECONDS
        return self._known
