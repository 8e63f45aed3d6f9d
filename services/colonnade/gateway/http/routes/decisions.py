"""``/screening/decisions``: what policies decided, on record."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from colonnade.gateway.domain.decisions import DecisionFilter, SummaryBy
from colonnade.gateway.http import wire_decisions as wire
from colonnade.gateway.http.moments import moment_of
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.wire_assignments import ROUTE_BYTES
from colonnade.gateway.http.wire_memory import page_of
from colonnade.gateway.http.wire_policies import Action
from colonnade.security.inputs import check_text, request_id
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["screening"])
_RULE_BYTES = 64


async def _wanted(
    rule: Annotated[str, Query(description="Default: any.")] = "",
    action: Annotated[Action | None, Query(description="Default: any.")] = None,
    route: Annotated[str, Query(description="As /generate. Default: any.")] = "",
    asked: Annotated[str, Query(alias="request_id", description="Default: any.")] = "",
    since: Annotated[
        str,
        Query(
            description="As in 2030-01-31T12:00:00Z. Default: the first.",
            json_schema_extra={"format": "date-time"},
        ),
    ] = "",
    shadow: Annotated[bool, Query(description="Those of shadows, instead of those that held.")] = False,
) -> DecisionFilter:
    return DecisionFilter(
        rule=check_text(rule, "rule", _RULE_BYTES, allow_empty=True, controls="line"),
        action=action,
        route=check_text(route, "route", ROUTE_BYTES, allow_empty=True, controls="line"),
        request_id=request_id(asked, "request_id") if asked else "",
        since=moment_of(since, "since") if since else None,
        shadow=shadow,
    )


_Wanted = Annotated[DecisionFilter, Depends(_wanted)]


@router.get("/screening/decisions", response_model=wire.DecisionList)
async def list_decisions(
    request: Request,
    wanted: _Wanted,
    page_size: Annotated[
        int | None,
        Query(description="Default 50.", json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE}),
    ] = None,
    page_token: Annotated[str, Query(description="From the answer before.")] = "",
) -> wire.DecisionList:
    """Newest first; what was decided last takes a moment to be on record."""
    size, token = page_of(page_size, page_token)
    page = await gateway_of(request).decisions.page(exchange_of(request).caller, wanted, size, token)
    found = [wire.DecisionOut.of(each) for each in page.decisions]
    return wire.DecisionList(decisions=found, next_page_token=page.next_page)


@router.get("/screening/decisions/summary", response_model=wire.DecisionSummary)
async def summarise_decisions(
    request: Request,
    wanted: _Wanted,
    by: Annotated[SummaryBy, Query(description="What is counted together.")] = "rule",
) -> wire.DecisionSummary:
    """How many decisions there were, by rule, action or day."""
    counts = await gateway_of(request).decisions.summary(exchange_of(request).caller, wanted, by)
    return wire.DecisionSummary(counts=[wire.CountOut(key=each.key, count=each.count) for each in counts])
