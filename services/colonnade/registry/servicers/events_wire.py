"""Events and webhooks in the words of their protobuf contract, and back."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import events_pb2
from colonnade.registry.events.ports import Event, Wanted
from colonnade.registry.events.service import Told
from colonnade.registry.events.webhook import Webhook
from colonnade.registry.events.webhooks import WebhookOrder


def wanted(request: events_pb2.WatchEventsRequest) -> Wanted:
    return Wanted.checked(request.models, request.kinds)


def after(request: events_pb2.WatchEventsRequest | events_pb2.CreateWebhookRequest) -> int | None:
    return request.after if request.HasField("after") else None


def told(found: Told) -> events_pb2.WatchEventsResponse:
    return events_pb2.WatchEventsResponse(event=_event(found.event) if found.event else None, last=found.last)


def order(request: events_pb2.CreateWebhookRequest) -> WebhookOrder:
    return WebhookOrder(
        request.url, tuple(request.models), tuple(request.kinds), after(request), request.idempotency_key
    )


def webhook(found: Webhook, last: int = 0) -> events_pb2.Webhook:
    """Without its secret."""
    return events_pb2.Webhook(
        id=found.id,
        url=found.url,
        models=found.models,
        kinds=found.kinds,
        state=found.state.value,
        delivered=found.delivered,
        failures=found.failures,
        last_error=found.last_error,
        created_at=_time(found.created_at),
        created_by=found.created_by,
        last=last,
    )


def _event(event: Event) -> events_pb2.Event:
    return events_pb2.Event(
        number=event.number,
        at=_time(event.at),
        kind=event.kind,
        tenant=event.tenant,
        model=event.model,
        version=event.version,
        alias=event.alias,
        by=event.by,
        facts=event.facts,
    )


def _time(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
