"""``/subjects`` and ``/erasures``: people are erased, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from colonnade.gateway.http import wire_erasures as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.http.wire_memory import page_of
from colonnade.security.inputs import check_text, idempotency_key
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["erasure"])
_ID_BYTES = 256


@router.delete("/subjects/{id:path}", status_code=202, response_model=wire.ErasureOut)
async def erase_subject(
    request: Request,
    subject: Annotated[str, Path(alias="id", description="The subject: a `user`, percent-encoded.")],
    body: wire.EraseBody | None = None,
    key: IdempotencyKey = None,
) -> wire.ErasureOut:
    """Erases a person all over the platform: an admin does, or they themselves. It goes on after this."""
    new = (body or wire.EraseBody()).new(subject, idempotency_key(key) if key is not None else "")
    return wire.ErasureOut.of(await gateway_of(request).erasures.begin(exchange_of(request).caller, new))


@router.get("/erasures", response_model=wire.Erasures)
async def list_erasures(
    request: Request,
    page_size: Annotated[
        int | None,
        Query(description="Default 50.", json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE}),
    ] = None,
    page_token: Annotated[str, Query(description="From the answer before.")] = "",
) -> wire.Erasures:
    """Of the tenant, newest first."""
    page = page_of(page_size, page_token)
    found = await gateway_of(request).erasures.page(exchange_of(request).caller, *page)
    erasures = [wire.ErasureOut.of(each) for each in found.erasures]
    return wire.Erasures(erasures=erasures, next_page_token=found.next_page)


@router.get("/erasures/key", response_model=wire.ReceiptKey)
async def get_receipt_key(request: Request) -> wire.ReceiptKey:
    """What receipts are verified with."""
    return wire.ReceiptKey(
        public_key=await gateway_of(request).erasures.receipt_key(exchange_of(request).caller)
    )


@router.get("/erasures/{id}", response_model=wire.ErasureOut)
async def get_erasure(
    request: Request, erasure_id: Annotated[str, Path(alias="id", description="As it was answered.")]
) -> wire.ErasureOut:
    """How far it is; with its receipt once it is done."""
    wanted = check_text(erasure_id, "id", _ID_BYTES, controls="line")
    return wire.ErasureOut.of(await gateway_of(request).erasures.get(exchange_of(request).caller, wanted))
