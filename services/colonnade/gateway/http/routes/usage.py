"""``GET /usage``: what was used, by key, model and day."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from colonnade.gateway.domain.usage import UsageQuery
from colonnade.gateway.http.described import texts
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.wire_usage import UsageOut, day_of, usage_csv, usage_json
from colonnade.security.inputs import check_text

router = APIRouter(route_class=GuardedRoute, tags=["fair use"])
_CSV = "text/csv"
_Day = Annotated[str | None, Query(description="As 2030-01-31, in UTC.")]


@router.get("/usage", response_model=None, responses={200: {"model": UsageOut} | texts(_CSV)[200]})
async def usage(
    request: Request,
    first: Annotated[str | None, Query(alias="from", description="Default: the first of the month.")] = None,
    last: Annotated[str | None, Query(alias="to", description="Default: today, in UTC.")] = None,
    group_by: Annotated[str, Query(description="Of day, tenant, key, model, adapter.")] = "day,key,model",
    tenant: str | None = None,
    key: str | None = None,
    model: str | None = None,
    as_format: Annotated[Literal["json", "csv"] | None, Query(alias="format")] = None,
) -> Response:
    """Requests and tokens, added up by whatever `group_by` names. With `Accept: text/csv`, as CSV."""
    reports = gateway_of(request).usage
    since, until = reports.days(day_of(first, "from"), day_of(last, "to"))
    groups = tuple(name.strip() for name in group_by.split(",") if name.strip())
    query = UsageQuery(since, until, groups, _name(tenant), _name(key), _name(model))
    rows = await reports.rows(exchange_of(request).principal, query)
    if as_format == "csv" or (as_format is None and _CSV in request.headers.get("accept", "")):
        return Response(usage_csv(groups, rows), media_type=f"{_CSV}; charset=utf-8")
    return JSONResponse(usage_json(since, until, groups, rows))


def _name(text: str | None) -> str | None:
    return None if text is None else check_text(text, "filter", 256, allow_empty=True, controls="line")
