"""``/memory``: what is remembered of a subject, found, weighed and forgotten."""

from fastapi import APIRouter, Request, Response

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.http import wire_memories as told
from colonnade.gateway.http import wire_memory as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.service.stages import speak_for
from colonnade.security.inputs import idempotency_key

router = APIRouter(route_class=GuardedRoute, tags=["memory"])


@router.post("/memory/remember", status_code=201, response_model=told.Memory)
async def remember(request: Request, body: wire.RememberBody, key: IdempotencyKey = None) -> told.Memory:
    """Keeps a text: what was said in a session, what happened, or a fact."""
    new = body.new(idempotency_key(key) if key is not None else "")
    return told.Memory.of(await gateway_of(request).memory.remember(_caller(request, body), new))


@router.post("/memory/search", response_model=told.Found)
async def search(request: Request, body: wire.SearchBody) -> told.Found:
    """The memories and pieces of documents that fit a question best, and why."""
    question = body.question()
    return told.Found.of(await gateway_of(request).memory.search(_caller(request, body), question))


@router.post("/memory/list", response_model=told.Memories)
async def list_memories(request: Request, body: wire.ListBody) -> told.Memories:
    """All that is remembered, newest first."""
    page = await gateway_of(request).memory.page(_caller(request, body), body.filter(), *body.page)
    memories = [told.Memory.of(each) for each in page.memories]
    return told.Memories(memories=memories, next_page_token=page.next_page)


@router.post("/memory/get", response_model=told.Memory)
async def get_memory(request: Request, body: wire.IdBody) -> told.Memory:
    """One memory."""
    return told.Memory.of(await gateway_of(request).memory.get(_caller(request, body), body.wanted))


@router.post("/memory/revise", response_model=told.Memory)
async def revise(request: Request, body: wire.ReviseBody) -> told.Memory:
    """Changes how much a memory matters. Its text stays: forget it, and remember another."""
    memory, caller = gateway_of(request).memory, _caller(request, body)
    return told.Memory.of(await memory.revise(caller, body.wanted, body.weight, body.pinned))


@router.post("/memory/forget", status_code=204, response_model=None)
async def forget(request: Request, body: wire.IdBody) -> Response:
    """Erases a memory."""
    await gateway_of(request).memory.forget(_caller(request, body), body.wanted)
    return Response(status_code=204)


@router.post("/memory/rate", response_model=told.Memory)
async def rate(request: Request, body: wire.RateBody) -> told.Memory:
    """Says whether a memory was of use where it was recalled."""
    memory, caller = gateway_of(request).memory, _caller(request, body)
    return told.Memory.of(await memory.rate(caller, body.wanted, useful=body.useful))


@router.post("/memory/sessions", response_model=told.Sessions)
async def list_sessions(request: Request, body: wire.SessionsBody) -> told.Sessions:
    """Sessions that have not ended, latest first."""
    return told.Sessions.of(await gateway_of(request).memory.sessions(_caller(request, body), *body.page))


@router.post("/memory/sessions/end", response_model=told.Forgotten)
async def end_session(request: Request, body: wire.EndBody) -> told.Forgotten:
    """Ends a session: its turns and what was kept for its task are forgotten."""
    memory, caller = gateway_of(request).memory, _caller(request, body)
    return told.Forgotten(forgotten=await memory.end_session(caller, body.ended))


def _caller(request: Request, body: wire.OfSubject) -> Caller:
    """As whom memory is asked."""
    exchange = exchange_of(request)
    speak_for(exchange, body.whose, "subject")
    return exchange.caller
