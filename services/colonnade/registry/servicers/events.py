"""The gRPC methods of events and webhooks: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from colonnade.api.registry.v1 import events_pb2 as messages
from colonnade.api.registry.v1.events_pb2_grpc import EventServiceServicer
from colonnade.registry.events.service import Events
from colonnade.registry.events.webhooks import Webhooks
from colonnade.registry.servicers import events_wire as wire
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["EventService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class EventServicer(EventServiceServicer):
    def __init__(self, events: Events, webhooks: Webhooks) -> None:
        self._events = events
        self._webhooks = webhooks

    async def WatchEvents(
        self, request: messages.WatchEventsRequest, context: _Context
    ) -> AsyncIterator[messages.WatchEventsResponse]:
        wanted, after = wire.wanted(request), wire.after(request)
        found = (
            self._events.follow(wanted, after)
            if request.follow
            else self._events.page(wanted, after, request.limit)
        )
        async with aclosing(found):
            async for told in found:
                yield wire.told(told)

    async def CreateWebhook(
        self, request: messages.CreateWebhookRequest, context: _Context
    ) -> messages.CreateWebhookResponse:
        made, secret = await self._webhooks.create(wire.order(request), current().principal)
        return messages.CreateWebhookResponse(webhook=wire.webhook(made, made.delivered), secret=secret)

    async def ListWebhooks(
        self, request: messages.ListWebhooksRequest, context: _Context
    ) -> messages.ListWebhooksResponse:
        found, last = await self._webhooks.all(current().principal)
        return messages.ListWebhooksResponse(webhooks=[wire.webhook(each, last) for each in found])

    async def DeleteWebhook(
        self, request: messages.DeleteWebhookRequest, context: _Context
    ) -> messages.DeleteWebhookResponse:
        await self._webhooks.delete(request.id, current().principal)
        return messages.DeleteWebhookResponse()

    async def ResumeWebhook(
        self, request: messages.ResumeWebhookRequest, context: _Context
    ) -> messages.ResumeWebhookResponse:
        resumed = await self._webhooks.resume(request.id, current().principal)
        return messages.ResumeWebhookResponse(webhook=wire.webhook(resumed))
