"""The registry over gRPC."""

from typing import Any

from colonnade.api.registry.v1 import registry_pb2 as wire
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import NotFound
from colonnade.inference.domain import Manifest, Ref
from colonnade.rpc import Peer


class GrpcRegistry:
    """Asked by this service itself: who may use a version was decided when its reference was resolved."""

    def __init__(self, peer: Peer, *, timeout: float) -> None:
        self._peer = peer
        self._stub = RegistryServiceStub(peer.channel)
        self._timeout = timeout

    async def manifest(self, ref: Ref) -> Manifest:
        answer = await self._peer.unary(
            self._stub.GetManifest,
            wire.GetManifestRequest(digest=ref.digest, name=ref.name, version=ref.version, with_seal=True),
            wire.GetManifestResponse,
            as_service=True,
            timeout=self._timeout,
        )
        return _manifest(answer.manifest)

    async def default(self) -> Manifest | None:
        try:
            return await self._heaviest(wire.ResolveRequest())
        except NotFound:
            return None

    async def encoder(self, reference: str) -> str:
        manifest = await self._heaviest(wire.ResolveRequest(reference=reference, embeds=not reference))
        if manifest is None:
            raise NotFound("no version embeds questions for the semantic cache", field="semantic_encoder")
        return manifest.digest

    async def _heaviest(self, request: wire.ResolveRequest) -> Manifest | None:
        """The version that most requests of a reference go to."""
        answer = await self._peer.unary(
            self._stub.Resolve, request, wire.ResolveResponse, as_service=True, timeout=self._timeout
        )
        heaviest = max(answer.targets, key=lambda target: target.weight, default=None)
        return None if heaviest is None else _manifest(heaviest.manifest)


def _manifest(parcel: Any) -> Manifest:
    size = sum(artefact.size_bytes for artefact in parcel.artefacts)
    return Manifest(parcel.digest, parcel.name, parcel.version, parcel, size)
