"""Vectors of texts by the registry's default for embeddings, asked in the name of whoever asks."""

from collections.abc import Sequence

from colonnade.api.registry.v1 import registry_pb2
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import NotFound
from colonnade.ethics.adapters.inference_calls import InferenceEmbedder
from colonnade.ethics.ports import Embedded
from colonnade.rpc import Peer

_MOST_CHARACTERS = 8000
"""Of a text: encoders read far fewer; the whole of it would only travel."""
_RESOLVE_SECONDS = 5.0
_ENCODERS = ("encoder",)
"""Families that are made for embeddings; other ones embed too, and badly."""


class EngineVectors:
    """Implements ``ethics.ports.Embedder``."""

    def __init__(self, inference: Peer, registry: Peer) -> None:
        self._inference = inference
        self._registry, self._models = registry, RegistryServiceStub(registry.channel)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        embedder = InferenceEmbedder(self._inference, await self._digest())
        return await embedder.embed([text[:_MOST_CHARACTERS] for text in texts])

    async def _digest(self) -> str:
        """Of the version that most requests go to."""
        request = registry_pb2.ResolveRequest(embeds=True)
        answer = await self._registry.unary(
            self._models.Resolve, request, registry_pb2.ResolveResponse, timeout=_RESOLVE_SECONDS
        )
        target = max(answer.targets, key=lambda each: each.weight, default=None)
        if target is None or target.manifest.family not in _ENCODERS:
            raise NotFound(
                "no model is made for embeddings; import one: "
                "colonnade models import bundled:all-minilm-l6-v2",
                field="model",
            )
        return target.manifest.digest
