"""``/models/{name}/versions/{version}/evaluations``: what was measured of a version."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_lineage as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import check_text, idempotency_key, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE, MAX_VERSION

router = APIRouter(route_class=GuardedRoute, tags=["models"])
_PAGE, _VERSION = Range(1, MAX_PAGE_SIZE), Range(1, MAX_VERSION)
_Version = Annotated[int, Path(json_schema_extra={"minimum": 1})]
_PATH = "/models/{name}/versions/{version}/evaluations"


@router.post(_PATH, status_code=201, response_model=wire.EvaluationOut)
async def record_evaluation(
    request: Request, name: str, version: _Version, body: wire.EvaluationBody, key: IdempotencyKey = None
) -> wire.EvaluationOut:
    """Keeps what was measured of a version."""
    _VERSION.check("version", version)
    evaluation = body.evaluation(model_name(name), version)
    once = idempotency_key(key) if key is not None else ""
    evaluations = gateway_of(request).evaluations
    return wire.EvaluationOut.of(await evaluations.record(exchange_of(request).caller, evaluation, once))


@router.get(_PATH, response_model=wire.EvaluationsOut)
async def list_evaluations(
    request: Request,
    name: str,
    version: _Version,
    page_size: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE})] = 100,
    page_token: str = "",
) -> wire.EvaluationsOut:
    """What was measured of a version, by gates and by people, newest first."""
    _VERSION.check("version", version)
    _PAGE.check("page_size", page_size)
    token = check_text(page_token, "page_token", 1024, allow_empty=True, controls="line")
    caller, evaluations = exchange_of(request).caller, gateway_of(request).evaluations
    page = await evaluations.page(caller, model_name(name), version, page_size, token)
    found = [wire.EvaluationOut.of(each) for each in page.evaluations]
    return wire.EvaluationsOut(evaluations=found, next_page_token=page.next_page_token)
