"""The gRPC methods of adaptations: message to domain, one use case, domain to message."""

from typing import Any

import grpc

from colonnade.api.ethics.v1 import adapting_pb2 as messages
from colonnade.api.ethics.v1.adapting_pb2_grpc import AdaptingServiceServicer
from colonnade.ethics.adapting import wire
from colonnade.ethics.adapting.service import Adapting
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["AdaptingService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class AdaptingServicer(AdaptingServiceServicer):
    def __init__(self, adapting: Adapting) -> None:
        self._adapting = adapting

    async def StartAdaptation(
        self, request: messages.StartAdaptationRequest, context: _Context
    ) -> messages.StartAdaptationResponse:
        plan = wire.plan(request.plan)
        kept = await self._adapting.start(plan, current().principal, request.idempotency_key)
        return messages.StartAdaptationResponse(adaptation=wire.adaptation(kept))

    async def GetAdaptation(
        self, request: messages.GetAdaptationRequest, context: _Context
    ) -> messages.GetAdaptationResponse:
        found = await self._adapting.get(request.id, current().principal)
        return messages.GetAdaptationResponse(adaptation=wire.adaptation(found))

    async def ListAdaptations(
        self, request: messages.ListAdaptationsRequest, context: _Context
    ) -> messages.ListAdaptationsResponse:
        found, page = await self._adapting.page(
            request.model, request.limit, request.page, current().principal
        )
        return messages.ListAdaptationsResponse(adaptations=map(wire.adaptation, found), next_page=page)

    async def CancelAdaptation(
        self, request: messages.CancelAdaptationRequest, context: _Context
    ) -> messages.CancelAdaptationResponse:
        ended = await self._adapting.cancel(request.id, current().principal)
        return messages.CancelAdaptationResponse(adaptation=wire.adaptation(ended))

    async def ListAdaptationPairs(
        self, request: messages.ListAdaptationPairsRequest, context: _Context
    ) -> messages.ListAdaptationPairsResponse:
        found, page = await self._adapting.pairs(request.id, request.limit, request.page, current().principal)
        return messages.ListAdaptationPairsResponse(pairs=map(wire.pair, found), next_page=page)
