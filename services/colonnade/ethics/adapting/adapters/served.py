"""Versions of the registry, asked through the inference service; their requests give way to everyone's."""

import uuid
from collections.abc import Sequence

from colonnade.api.generation.v1.generation_pb2 import Chat, ChatMessage, Generation, ModelRef, Sampling
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.errors import InvalidArgument, Unavailable, Unsupported
from colonnade.ethics.adapting.together import together
from colonnade.ethics.bias.adapters.served import ServedModels
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.bias.ports import Likelihood, Models
from colonnade.rpc import Peer

_SECONDS = 120.0
_TOKENS = 96
_LAST_IN_TURN = -10
_GREEDY = Sampling(temperature=0, top_p=1, repetition_penalty=1)


class ServedWriters:
    """Implements ``ports.Writers``."""

    def __init__(self, inference: Peer, registry: Peer) -> None:
        self._inference = inference
        self._models: Models = ServedModels(inference, registry)

    async def named(self, name: str, version: int) -> Version:
        return await self._models.named(name, version)

    def asked(self, version: Version) -> "ServedWriter":
        return ServedWriter(self._inference, self._models, version)


class ServedWriter:
    """Implements ``ports.Writer``."""

    def __init__(self, inference: Peer, models: Models, version: Version) -> None:
        self._inference, self._stub = inference, InferenceServiceStub(inference.channel)
        self._model = models.asked(version)
        self._ref = ModelRef(name=version.name, version=version.version, digest=version.digest)

    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]:
        return await self._model.likelihoods(context, texts)

    async def answer(self, ask: str) -> str:
        return await self._said(ask, _GREEDY)

    async def answers(self, ask: str, count: int) -> Sequence[str]:
        drawn = (
            Sampling(temperature=1, top_p=0.95, repetition_penalty=1, seed=seed) for seed in range(count)
        )
        return await together(self._said(ask, sampling) for sampling in drawn)

    async def _said(self, ask: str, sampling: Sampling) -> str:
        """As a conversation; of a model that has no form for those, as a text that goes on."""
        try:
            chat = Chat(messages=[ChatMessage(role="user", content=ask)])
            return await self._generated(Generation(chat=chat), sampling)
        except (Unsupported, InvalidArgument):
            return await self._generated(Generation(prompt=f"Question: {ask}\nAnswer:"), sampling)

    async def _generated(self, generation: Generation, sampling: Sampling) -> str:
        generation.MergeFrom(
            Generation(
                request_id=f"adapt-{uuid.uuid4().hex}",
                model=self._ref,
                max_tokens=_TOKENS,
                priority=_LAST_IN_TURN,
                sampling=sampling,
            )
        )
        asked = inference_pb2.GenerateRequest(
            generation=generation, caching=inference_pb2.Caching(off=True, personal=True)
        )
        answer = await self._inference.unary(
            self._stub.GenerateWhole,
            inference_pb2.GenerateWholeRequest(request=asked, seconds=_SECONDS),
            inference_pb2.GenerateWholeResponse, as_service=True, timeout=_SECONDS + 5,
        )  # fmt: skip
        if not any(part.chunk.HasField("finish") for part in answer.parts):
            raise Unavailable(answer.fault.message or "the model did not finish its answer")
        return "".join(part.chunk.text for part in answer.parts).strip()
