"""Signatures over versions, on the registry's gRPC."""

from datetime import UTC

from colonnade.api.registry.v1 import seals_pb2 as wire
from colonnade.api.registry.v1.seals_pb2_grpc import SealServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.seals import Seal, SealDetail, SealList

_SECONDS = 10.0


class RegistrySeals:
    """Implements ``ports.SealBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = SealServiceStub(calls.peer.channel)

    async def list_seals(self, caller: Caller, model: str) -> SealList:
        request, method = wire.ListSealsRequest(model=model), self._stub.ListSeals
        answer = await self._calls.unary(caller, method, request, wire.ListSealsResponse, _SECONDS)
        return SealList(tuple(map(_seal, answer.seals)), answer.key, answer.public_key)

    async def get(self, caller: Caller, model: str, version: int) -> SealDetail:
        request, method = wire.GetSealRequest(model=model, version=version), self._stub.GetSeal
        answer = await self._calls.unary(caller, method, request, wire.GetSealResponse, _SECONDS)
        return SealDetail(_seal(answer.seal), answer.bundle, answer.statement)

    async def sign(self, caller: Caller, model: str, version: int) -> Seal:
        request, method = wire.SignRequest(model=model, version=version), self._stub.Sign
        answer = await self._calls.unary(caller, method, request, wire.SignResponse, _SECONDS)
        return _seal(answer.seal)


def _seal(seal: wire.Seal) -> Seal:
    if not seal.key:
        return Seal(seal.version)
    return Seal(seal.version, seal.key, seal.current, seal.sealed_at.ToDatetime(tzinfo=UTC), seal.sealed_by)
