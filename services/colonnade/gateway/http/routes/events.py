"""``/events``: what happened in the registry, and ``/webhooks``: who elsewhere is told of it."""

import time
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from colonnade.gateway.domain.events import EventQuery, Told
from colonnade.gateway.http import wire_events as wire
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.service.following import AFTER_THE_END_SECONDS, LONGEST_SECONDS
from colonnade.security.inputs import idempotency_key

router = APIRouter(route_class=GuardedRoute, tags=["events"])
_After = Annotated[
    int | None,
    Query(
        description="A number: those after it. Negative: so many before the newest. "
        "By default all, of a stream what happens from now on."
    ),
]
_Id = Annotated[str, Path(alias="id", max_length=64, description="As the list has it.")]


@router.get("/events", response_model=None, responses=answers(wire.EventsOut, wire.EVENTS))
async def list_events(
    request: Request,
    after: _After = None,
    models: Annotated[str, Query(description="Names, separated by commas; empty: all.")] = "",
    kinds: Annotated[str, Query(description="As in `alias.moved,rollout.*`; empty: all.")] = "",
    limit: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": 1000})] = 100,
    last_event_id: Annotated[str | None, Header(description="Of a stream: instead of `after`.")] = None,
) -> Answer[Told]:
    """Events, oldest first. With `Accept: text/event-stream` a stream that goes on with what happens."""
    wire.LIMIT.check("limit", limit)
    exchange, events = exchange_of(request), gateway_of(request).events
    stream = "text/event-stream" in request.headers.get("accept", "")
    begin = wire.after_of(after, last_event_id if stream else None)
    query = EventQuery(begin, wire.named(models, "models"), wire.named(kinds, "kinds"), limit)
    if stream:  # it ends by itself before this: whoever does not read is left then
        exchange.deadline = time.monotonic() + LONGEST_SECONDS + AFTER_THE_END_SECONDS
    items = (events.follow if stream else events.page)(exchange.caller, query)
    return Answer(exchange, items, wire.EventsRenderer(), stream=stream, framing=wire.FRAMING)


@router.post("/webhooks", status_code=201, response_model=wire.NewWebhook)
async def create_webhook(
    request: Request, body: wire.WebhookBody, key: IdempotencyKey = None
) -> wire.NewWebhook:
    """Has an address told of events, and shows the secret that they are signed with, this once."""
    order = body.order(idempotency_key(key) if key is not None else "")
    made = await gateway_of(request).events.create_webhook(exchange_of(request).caller, order)
    return wire.NewWebhook.issued(made)


@router.get("/webhooks", response_model=wire.Webhooks)
async def list_webhooks(request: Request) -> wire.Webhooks:
    """Webhooks without their secrets, and how far each was told."""
    found = await gateway_of(request).events.webhooks(exchange_of(request).caller)
    return wire.Webhooks(webhooks=[wire.Webhook.of(each) for each in found])


@router.delete("/webhooks/{id}", status_code=204, response_model=None)
async def delete_webhook(request: Request, webhook_id: _Id) -> Response:
    """Has it told of nothing any more."""
    await gateway_of(request).events.delete_webhook(exchange_of(request).caller, webhook_id)
    return Response(status_code=204)


@router.post("/webhooks/{id}/resume", response_model=wire.Webhook)
async def resume_webhook(request: Request, webhook_id: _Id) -> wire.Webhook:
    """Tries one that was given up again at once, from where it stopped."""
    return wire.Webhook.of(
        await gateway_of(request).events.resume_webhook(exchange_of(request).caller, webhook_id)
    )
