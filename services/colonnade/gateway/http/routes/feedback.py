"""``/feedback``: what people say of answers, and whether models may learn from it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_feedback as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.service.stages import speak_for
from colonnade.security.inputs import check_text, idempotency_key
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["feedback"])
_PAGE = Range(1, MAX_PAGE_SIZE)
_Id = Annotated[str, Path(alias="id", max_length=64, description="As the list has it.")]
_Size = Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE})]


@router.post("/feedback", status_code=201, response_model=wire.FeedbackOut)
async def give_feedback(
    request: Request, body: wire.FeedbackBody, key: IdempotencyKey = None
) -> wire.FeedbackOut:
    """Says what somebody thinks of an answer: a thumb, a correction, or which of two is better."""
    exchange = exchange_of(request)
    speak_for(exchange, body.whose, "subject")
    once = idempotency_key(key) if key is not None else ""
    return wire.FeedbackOut.of(await gateway_of(request).feedback.give(exchange.caller, body.new(), once))


@router.get("/feedback", response_model=wire.FeedbackList)
async def list_feedback(
    request: Request,
    state: Annotated[wire.State | None, Query(description="Default: any.")] = None,
    kind: Annotated[wire.Kind | None, Query(description="Default: any.")] = None,
    page_size: _Size = 50,
    page_token: str = "",
) -> wire.FeedbackList:
    """Newest first: all of the tenant's for those who review it, else the caller's own."""
    caller, book = exchange_of(request).caller, gateway_of(request).feedback.book
    page = await book.page(caller, state or "", kind or "", *_page(page_size, page_token))
    found = [wire.FeedbackOut.of(each) for each in page.feedback]
    return wire.FeedbackList(feedback=found, next_page_token=page.next_page)


@router.get("/feedback/pairs", response_model=wire.PairList)
async def list_pairs(request: Request, page_size: _Size = 50, page_token: str = "") -> wire.PairList:
    """What was accepted, as pairs of answers to learn from. `page_size` counts feedback."""
    caller, book = exchange_of(request).caller, gateway_of(request).feedback.book
    return wire.PairList.of(await book.pairs(caller, *_page(page_size, page_token)))


@router.get("/feedback/{id}", response_model=wire.FeedbackOut)
async def get_feedback(request: Request, feedback_id: _Id) -> wire.FeedbackOut:
    """One piece of feedback."""
    caller, book = exchange_of(request).caller, gateway_of(request).feedback.book
    return wire.FeedbackOut.of(await book.get(caller, feedback_id))


@router.post("/feedback/{id}/review", response_model=wire.FeedbackOut)
async def review_feedback(request: Request, feedback_id: _Id, body: wire.ReviewBody) -> wire.FeedbackOut:
    """Says whether models may learn from it. The last word counts."""
    caller, book = exchange_of(request).caller, gateway_of(request).feedback.book
    accept = body.decision == "accept"
    return wire.FeedbackOut.of(await book.review(caller, feedback_id, accept=accept, why=body.reason))


@router.delete("/feedback/{id}", status_code=204, response_model=None)
async def withdraw_feedback(request: Request, feedback_id: _Id) -> Response:
    """Erases what the caller gave, and the reward models that learnt from it."""
    await gateway_of(request).feedback.book.withdraw(exchange_of(request).caller, feedback_id)
    return Response(status_code=204)


def _page(size: int, token: str) -> tuple[int, str]:
    _PAGE.check("page_size", size)
    return size, check_text(token, "page_token", 64, allow_empty=True, controls="line")
