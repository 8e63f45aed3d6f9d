"""Reports of bias, on the ethics service's gRPC."""

from datetime import UTC

from colonnade.api.ethics.v1 import bias_pb2 as wire
from colonnade.api.ethics.v1.bias_pb2_grpc import BiasServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.bias import (
    BiasAlarm,
    BiasCell,
    BiasFigure,
    BiasGap,
    BiasReport,
    BiasReportPage,
    LiveBias,
    NewBiasReport,
)
from colonnade.gateway.domain.exchange import Caller

_SECONDS = 10.0


class BiasReports:
    """Implements ``ports.BiasBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._stub = calls, BiasServiceStub(calls.peer.channel)

    async def begin(self, caller: Caller, new: NewBiasReport) -> BiasReport:
        request = wire.StartReportRequest(
            model=new.model, version=new.version, sets=new.sets, idempotency_key=new.idempotency_key
        )
        method = self._stub.StartReport
        answer = await self._calls.unary(caller, method, request, wire.StartReportResponse, _SECONDS)
        return _report(answer.report)

    async def get(self, caller: Caller, report_id: str) -> BiasReport:
        request, method = wire.GetReportRequest(id=report_id), self._stub.GetReport
        answer = await self._calls.unary(caller, method, request, wire.GetReportResponse, _SECONDS)
        return _report(answer.report)

    async def page(self, caller: Caller, model: str, limit: int, page: str) -> BiasReportPage:
        request = wire.ListReportsRequest(model=model, limit=limit, page=page)
        method = self._stub.ListReports
        answer = await self._calls.unary(caller, method, request, wire.ListReportsResponse, _SECONDS)
        return BiasReportPage(tuple(map(_report, answer.reports)), answer.next_page)

    async def live(self, caller: Caller, hours: int) -> LiveBias:
        request, method = wire.GetLiveRequest(hours=hours), self._stub.GetLive
        answer = await self._calls.unary(caller, method, request, wire.GetLiveResponse, _SECONDS)
        return LiveBias(
            tuple(map(_cell, answer.cells)), tuple(map(_gap, answer.gaps)), tuple(map(_alarm, answer.alarms))
        )


def _report(told: wire.BiasReport) -> BiasReport:
    return BiasReport(
        id=told.id,
        model=told.model,
        version=told.version,
        digest=told.digest,
        sets=tuple(told.sets),
        state=told.state,
        created_at=told.created_at.ToDatetime(UTC),
        by=told.by,
        done=told.done,
        total=told.total,
        figures=tuple(map(_figure, told.figures)),
        why=told.why,
        ended_at=told.ended_at.ToDatetime(UTC) if told.HasField("ended_at") else None,
    )


def _figure(told: wire.BiasFigure) -> BiasFigure:
    return BiasFigure(told.set, told.dimension, told.measure, told.value, told.low, told.high, told.count)


def _cell(told: wire.LiveCell) -> BiasCell:
    return BiasCell(
        told.model, told.dimension, told.group, told.hour.ToDatetime(UTC), told.seen, told.refused,
        told.unkind,
    )  # fmt: skip


def _gap(told: wire.LiveGap) -> BiasGap:
    return BiasGap(told.model, told.dimension, told.value, told.low, told.high, told.seen)


def _alarm(told: wire.BiasAlarm) -> BiasAlarm:
    return BiasAlarm(told.model, told.dimension, told.at.ToDatetime(UTC), told.observed)
