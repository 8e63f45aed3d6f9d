"""The gRPC methods of the graph: message to domain, one use case, domain to message."""

from typing import Any

import grpc

from colonnade.api.registry.v1 import lineage_pb2 as messages
from colonnade.api.registry.v1.lineage_pb2_grpc import LineageServiceServicer
from colonnade.registry.lineage.service import Lineage
from colonnade.registry.servicers import lineage_wire as wire
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["LineageService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class LineageServicer(LineageServiceServicer):
    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage

    async def RecordLineage(
        self, request: messages.RecordLineageRequest, context: _Context
    ) -> messages.RecordLineageResponse:
        said, key = wire.said(request.edges), request.idempotency_key
        return messages.RecordLineageResponse(
            added=await self._lineage.record(said, current().principal, key)
        )

    async def TraceLineage(
        self, request: messages.TraceLineageRequest, context: _Context
    ) -> messages.TraceLineageResponse:
        return wire.traced(await self._lineage.trace(wire.question(request)))
