"""The gRPC methods of bias: message to domain, one use case, domain to message."""

from typing import Any

import grpc

from colonnade.api.ethics.v1 import bias_pb2 as messages
from colonnade.api.ethics.v1.bias_pb2_grpc import BiasServiceServicer
from colonnade.errors import InvalidArgument
from colonnade.ethics.bias import wire
from colonnade.ethics.bias.reporting import Reporting
from colonnade.ethics.bias.watching import Watching
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["BiasService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class BiasServicer(BiasServiceServicer):
    def __init__(self, reporting: Reporting, watching: Watching) -> None:
        self._reporting, self._watching = reporting, watching

    async def StartReport(
        self, request: messages.StartReportRequest, context: _Context
    ) -> messages.StartReportResponse:
        kept = await self._reporting.start(
            request.model, request.version, request.sets, current().principal, request.idempotency_key
        )
        return messages.StartReportResponse(report=wire.report(kept))

    async def GetReport(
        self, request: messages.GetReportRequest, context: _Context
    ) -> messages.GetReportResponse:
        found = await self._reporting.get(request.id, current().principal)
        return messages.GetReportResponse(report=wire.report(found))

    async def ListReports(
        self, request: messages.ListReportsRequest, context: _Context
    ) -> messages.ListReportsResponse:
        found, page = await self._reporting.page(
            request.model, request.limit, request.page, current().principal
        )
        return messages.ListReportsResponse(reports=map(wire.report, found), next_page=page)

    async def GetLive(self, request: messages.GetLiveRequest, context: _Context) -> messages.GetLiveResponse:
        return wire.live(await self._watching.live(current().principal.tenant, request.hours))

    async def Judge(self, request: messages.JudgeRequest, context: _Context) -> messages.JudgeResponse:
        version = wire.version(request.model)
        if request.what == messages.JUDGED_BIAS:
            figure, digest = await self._reporting.bias(version, request.set)
            return messages.JudgeResponse(figure=figure, set_digest=digest)
        if request.what == messages.JUDGED_SAFETY:
            return messages.JudgeResponse(figure=await self._reporting.safety(version))
        raise InvalidArgument("what must be bias or safety", field="what")
