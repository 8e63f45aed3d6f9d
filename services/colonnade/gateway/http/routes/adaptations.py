"""``/adaptations``: versions taught by preferences to do less harm."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from colonnade.gateway.http import wire_adapting as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.http.wire_memory import page_of
from colonnade.security.inputs import check_text, idempotency_key, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["adaptations"])
_ID_BYTES = 64
AdaptationId = Annotated[str, Path(alias="id", description="As it was answered.")]
PageSize = Annotated[
    int | None, Query(description="Default 50.", json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE})
]
PageToken = Annotated[str, Query(description="From the answer before.")]


@router.post("/adaptations", status_code=202, response_model=wire.AdaptationOut)
async def begin_adaptation(
    request: Request, body: wire.AdaptationBody, key: IdempotencyKey = None
) -> wire.AdaptationOut:
    """Pairs, trains, evaluates, and proposes a rollout. It goes on after this, through restarts."""
    new = body.new(idempotency_key(key) if key is not None else "")
    return wire.AdaptationOut.of(
        await gateway_of(request).adaptations.begin(exchange_of(request).caller, new)
    )


@router.get("/adaptations", response_model=wire.Adaptations)
async def list_adaptations(
    request: Request,
    model: Annotated[str | None, Query(description="A model's name. Default: all.")] = None,
    page_size: PageSize = None,
    page_token: PageToken = "",
) -> wire.Adaptations:
    """Of the tenant, newest first."""
    wanted = model_name(model, "model") if model is not None else ""
    page = page_of(page_size, page_token)
    found = await gateway_of(request).adaptations.page(exchange_of(request).caller, wanted, *page)
    adaptations = [wire.AdaptationOut.of(each) for each in found.adaptations]
    return wire.Adaptations(adaptations=adaptations, next_page_token=found.next_page)


@router.get("/adaptations/{id}", response_model=wire.AdaptationOut)
async def get_adaptation(request: Request, adaptation_id: AdaptationId) -> wire.AdaptationOut:
    """How far it is; with its figures once it was evaluated."""
    book, caller = gateway_of(request).adaptations, exchange_of(request).caller
    return wire.AdaptationOut.of(await book.get(caller, _id(adaptation_id)))


@router.post("/adaptations/{id}/cancel", response_model=wire.AdaptationOut)
async def cancel_adaptation(request: Request, adaptation_id: AdaptationId) -> wire.AdaptationOut:
    """Ends what is under way, its training job too. What was proposed stays."""
    book, caller = gateway_of(request).adaptations, exchange_of(request).caller
    return wire.AdaptationOut.of(await book.cancel(caller, _id(adaptation_id)))


@router.get("/adaptations/{id}/pairs", response_model=wire.AdaptationPairs)
async def list_adaptation_pairs(
    request: Request,
    adaptation_id: AdaptationId,
    page_size: PageSize = None,
    page_token: PageToken = "",
) -> wire.AdaptationPairs:
    """What it learns from; those of feedback are under `GET /feedback/pairs`."""
    page = page_of(page_size, page_token)
    book, caller = gateway_of(request).adaptations, exchange_of(request).caller
    return wire.AdaptationPairs.of(await book.pairs(caller, _id(adaptation_id), *page))


def _id(given: str) -> str:
    return check_text(given, "id", _ID_BYTES, controls="line")
