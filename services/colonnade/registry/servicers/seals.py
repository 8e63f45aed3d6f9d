"""The gRPC methods of seals."""

from typing import Any

import grpc

from colonnade.api.registry.v1 import seals_pb2 as messages
from colonnade.api.registry.v1.seals_pb2_grpc import SealServiceServicer
from colonnade.registry.seals.service import Seals
from colonnade.registry.servicers import seals_wire as wire
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["SealService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class SealServicer(SealServiceServicer):
    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    async def ListSeals(
        self, request: messages.ListSealsRequest, context: _Context
    ) -> messages.ListSealsResponse:
        return wire.listing(await self._seals.list_seals(request.model))

    async def GetSeal(self, request: messages.GetSealRequest, context: _Context) -> messages.GetSealResponse:
        found = await self._seals.get(request.model, request.version)
        return wire.detail(found, self._seals.key)

    async def Sign(self, request: messages.SignRequest, context: _Context) -> messages.SignResponse:
        made = await self._seals.sign(request.model, request.version, current().principal)
        return messages.SignResponse(seal=wire.seal(made.version, made, self._seals.key))
