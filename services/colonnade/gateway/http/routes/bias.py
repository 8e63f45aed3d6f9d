"""``/bias``: what versions make of people of different groups, when asked and in the traffic."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from colonnade.gateway.http import wire_bias as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.http.wire_memory import page_of
from colonnade.security.inputs import check_text, idempotency_key, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["bias"])
_ID_BYTES = 64


@router.post("/bias/reports", status_code=202, response_model=wire.BiasReportOut)
async def begin_bias_report(
    request: Request, body: wire.ReportBody, key: IdempotencyKey = None
) -> wire.BiasReportOut:
    """Has a version asked about groups of people. It goes on after this, through restarts."""
    new = body.new(idempotency_key(key) if key is not None else "")
    return wire.BiasReportOut.of(await gateway_of(request).bias.begin(exchange_of(request).caller, new))


@router.get("/bias/reports", response_model=wire.BiasReports)
async def list_bias_reports(
    request: Request,
    model: Annotated[str | None, Query(description="A model's name. Default: all.")] = None,
    page_size: Annotated[
        int | None,
        Query(description="Default 50.", json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE}),
    ] = None,
    page_token: Annotated[str, Query(description="From the answer before.")] = "",
) -> wire.BiasReports:
    """Of the tenant, newest first."""
    wanted = model_name(model, "model") if model is not None else ""
    page = page_of(page_size, page_token)
    found = await gateway_of(request).bias.page(exchange_of(request).caller, wanted, *page)
    reports = [wire.BiasReportOut.of(each) for each in found.reports]
    return wire.BiasReports(reports=reports, next_page_token=found.next_page)


@router.get("/bias/reports/{id}", response_model=wire.BiasReportOut)
async def get_bias_report(
    request: Request, report_id: Annotated[str, Path(alias="id", description="As it was answered.")]
) -> wire.BiasReportOut:
    """How far it is; with its figures once it is done."""
    wanted = check_text(report_id, "id", _ID_BYTES, controls="line")
    return wire.BiasReportOut.of(await gateway_of(request).bias.get(exchange_of(request).caller, wanted))


@router.get("/bias/live", response_model=wire.LiveBiasOut)
async def get_live_bias(
    request: Request,
    hours: Annotated[
        int, Query(description="Back from now.", json_schema_extra={"minimum": 1, "maximum": 744})
    ] = 24,
) -> wire.LiveBiasOut:
    """How groups fare in a sample of the tenant's traffic, and where that has changed."""
    wire.HOURS.check("hours", hours)
    return wire.LiveBiasOut.of(await gateway_of(request).bias.live(exchange_of(request).caller, hours))
