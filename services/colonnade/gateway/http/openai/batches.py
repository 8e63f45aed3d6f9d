"""``/v1/batches``: many requests in one file, worked off in the background."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from colonnade.gateway.domain.files import PageQuery
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.openai.wire_files import BatchBody, BatchList, BatchObject, batch_json, page_json
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import check_text, idempotency_key

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["openai"])
_PAGE = Range(1, 100)
_MAX_ID = 64


@router.post("/batches", response_model=None, responses=answers(BatchObject))
async def create_batch(request: Request, body: BatchBody, key: IdempotencyKey = None) -> dict[str, Any]:
    """Asks for every line of a file to be answered, within a day."""
    order = body.order("" if key is None else idempotency_key(key))
    return batch_json(await gateway_of(request).batches.create(exchange_of(request).caller, order))


@router.get("/batches", response_model=None, responses=answers(BatchList))
async def list_batches(
    request: Request,
    limit: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": 100})] = 20,
    after: Annotated[str, Query(description="The `last_id` of the page before.")] = "",
) -> dict[str, Any]:
    """The tenant's batches, newest first."""
    _PAGE.check("limit", limit)
    check_text(after, "after", _MAX_ID, allow_empty=True, controls="line")
    query = PageQuery(limit, after)
    found = await gateway_of(request).batches.page(exchange_of(request).principal, query)
    return page_json([batch_json(batch) for batch in found], limit)


@router.get("/batches/{batch}", response_model=None, responses=answers(BatchObject))
async def get_batch(request: Request, batch: str) -> dict[str, Any]:
    """How far a batch is."""
    check_text(batch, "batch_id", _MAX_ID, controls="line")
    return batch_json(await gateway_of(request).batches.get(exchange_of(request).principal, batch))


@router.post("/batches/{batch}/cancel", response_model=None, responses=answers(BatchObject))
async def cancel_batch(request: Request, batch: str) -> dict[str, Any]:
    """Ends a batch; lines that have their answers keep them."""
    check_text(batch, "batch_id", _MAX_ID, controls="line")
    return batch_json(await gateway_of(request).batches.cancel(exchange_of(request).caller, batch))
