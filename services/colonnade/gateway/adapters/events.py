"""Events and webhooks on the registry's gRPC."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC

from colonnade.api.registry.v1 import events_pb2 as wire
from colonnade.api.registry.v1.events_pb2_grpc import EventServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.events import Event, EventQuery, NewWebhook, Told, Webhook, WebhookOrder
from colonnade.gateway.domain.exchange import Caller

_SECONDS = 10.0


class RegistryEvents:
    """Implements ``ports.EventBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = EventServiceStub(calls.peer.channel)

    def page(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        return self._told(caller, query, follow=False)

    def follow(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        return self._told(caller, query, follow=True)

    async def create_webhook(self, caller: Caller, order: WebhookOrder) -> NewWebhook:
        request = wire.CreateWebhookRequest(
            url=order.url,
            models=order.models,
            kinds=order.kinds,
            after=order.after,
            idempotency_key=order.idempotency_key,
        )
        method = self._stub.CreateWebhook
        answer = await self._calls.unary(caller, method, request, wire.CreateWebhookResponse, _SECONDS)
        return NewWebhook(_webhook(answer.webhook), answer.secret)

    async def webhooks(self, caller: Caller) -> Sequence[Webhook]:
        request, method = wire.ListWebhooksRequest(), self._stub.ListWebhooks
        answer = await self._calls.unary(caller, method, request, wire.ListWebhooksResponse, _SECONDS)
        return [_webhook(each) for each in answer.webhooks]

    async def delete_webhook(self, caller: Caller, webhook_id: str) -> None:
        request, method = wire.DeleteWebhookRequest(id=webhook_id), self._stub.DeleteWebhook
        await self._calls.unary(caller, method, request, wire.DeleteWebhookResponse, _SECONDS)

    async def resume_webhook(self, caller: Caller, webhook_id: str) -> Webhook:
        request, method = wire.ResumeWebhookRequest(id=webhook_id), self._stub.ResumeWebhook
        answer = await self._calls.unary(caller, method, request, wire.ResumeWebhookResponse, _SECONDS)
        return _webhook(answer.webhook)

    async def _told(self, caller: Caller, query: EventQuery, *, follow: bool) -> AsyncGenerator[Told, None]:
        request = wire.WatchEventsRequest(
            after=query.after,
            follow=follow,
            models=query.models,
            kinds=query.kinds,
            limit=0 if follow else query.limit,
        )
        answers = self._calls.stream(caller, self._stub.WatchEvents, request, wire.WatchEventsResponse)
        async with aclosing(answers):
            async for answer in answers:
                event = _event(answer.event) if answer.HasField("event") else None
                yield Told(event, answer.last)


def _event(event: wire.Event) -> Event:
    return Event(
        event.number,
        event.at.ToDatetime(tzinfo=UTC),
        event.kind,
        event.tenant,
        event.model,
        event.version,
        event.alias,
        event.by,
        dict(sorted(event.facts.items())),
    )


def _webhook(webhook: wire.Webhook) -> Webhook:
    return Webhook(
        id=webhook.id,
        url=webhook.url,
        models=tuple(webhook.models),
        kinds=tuple(webhook.kinds),
        state=webhook.state,
        delivered=webhook.delivered,
        last=webhook.last,
        failures=webhook.failures,
        last_error=webhook.last_error,
        created_at=webhook.created_at.ToDatetime(tzinfo=UTC),
        created_by=webhook.created_by,
    )
