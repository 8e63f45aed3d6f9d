"""Versions of the registry, asked through the inference service; their requests give way to everyone's."""

import uuid
from collections.abc import Sequence

from colonnade.api.generation.v1.generation_pb2 import Chat, ChatMessage, Generation, ModelRef, Sampling
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.api.registry.v1 import registry_pb2
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import InvalidArgument, NotFound, Unavailable, Unsupported
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.bias.ports import Likelihood
from colonnade.rpc import Peer

_SECONDS = 120.0
_RESOLVE_SECONDS = 5.0
_TOKENS = 48
_LAST_IN_TURN = -10


class ServedModels:
    """Implements ``ports.Models``."""

    def __init__(self, inference: Peer, registry: Peer) -> None:
        self._inference, self._registry = inference, registry
        self._stub = RegistryServiceStub(registry.channel)

    async def named(self, name: str, version: int) -> Version:
        reference = f"{name}:{version}" if version else name
        answer = await self._registry.unary(
            self._stub.Resolve, registry_pb2.ResolveRequest(reference=reference),
            registry_pb2.ResolveResponse, as_service=True, timeout=_RESOLVE_SECONDS,
        )  # fmt: skip
        target = max(answer.targets, key=lambda each: each.weight, default=None)
        if target is None:
            raise NotFound(f"{reference} has no version", field="model")
        found = target.manifest
        return Version(found.name, found.version, found.digest)

    def asked(self, version: Version) -> "ServedModel":
        return ServedModel(self._inference, version)


class ServedModel:
    """Implements ``ports.Model``."""

    def __init__(self, inference: Peer, version: Version) -> None:
        self._inference, self._stub = inference, InferenceServiceStub(inference.channel)
        self._ref = ModelRef(name=version.name, version=version.version, digest=version.digest)

    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]:
        answer = await self._inference.unary(
            self._stub.Score,
            inference_pb2.ScoreRequest(model=self._ref, context=context, texts=texts),
            inference_pb2.ScoreResponse, as_service=True, timeout=_SECONDS,
        )  # fmt: skip
        if len(answer.scores) != len(texts):
            raise Unavailable("the engine scored another number of texts than it was sent")
        return [
            Likelihood(each.total_logprob, sum(token.HasField("logprob") for token in each.tokens))
            for each in answer.scores
        ]

    async def answer(self, ask: str) -> str:
        """As a conversation; of a model that has no form for those, as a text that goes on."""
        try:
            chat = Chat(messages=[ChatMessage(role="user", content=ask)])
            return await self._said(Generation(chat=chat))
        except (Unsupported, InvalidArgument):
            return await self._said(Generation(prompt=f"Question: {ask}\nAnswer:"))

    async def _said(self, generation: Generation) -> str:
        generation.MergeFrom(
            Generation(
                request_id=f"bias-{uuid.uuid4().hex}",
                model=self._ref,
                max_tokens=_TOKENS,
                priority=_LAST_IN_TURN,
                sampling=Sampling(temperature=0, top_p=1, repetition_penalty=1),
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
        return "".join(part.chunk.text for part in answer.parts)
