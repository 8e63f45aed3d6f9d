"""What is asked of events, who sees that there are new ones, and who tells webhooks of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from colonnade.api.registry.v1.events_pb2_grpc import add_EventServiceServicer_to_server
from colonnade.registry.adapters.sql_events import SqlEventStore
from colonnade.registry.adapters.sql_webhooks import SqlWebhookStore
from colonnade.registry.adapters.webhook_posts import OutboundDeliverer
from colonnade.registry.events.courier import Courier, Patience
from colonnade.registry.events.retention import Retention
from colonnade.registry.events.secrets import WebhookSecrets
from colonnade.registry.events.service import Events
from colonnade.registry.events.tail import Tail
from colonnade.registry.events.webhooks import Webhooks
from colonnade.registry.servicers.events import FULL_NAME, EventServicer
from colonnade.registry.wiring.ground import Ground
from colonnade.registry.wiring.tasks import beside
from colonnade.rpc import Server
from colonnade.security.outbound import Allowed, Outbound


@asynccontextmanager
async def events_in(ground: Ground, server: Server) -> AsyncIterator[None]:
    settings = ground.settings
    store, webhooks = SqlEventStore(ground.database), SqlWebhookStore(ground.database)
    deliverer = OutboundDeliverer(
        Outbound(Allowed.parse(settings.webhook_urls, "COLONNADE_REGISTRY_WEBHOOK_URLS"))
    )
    secrets = WebhookSecrets(ground.keys)
    await secrets.adopt(webhooks)
    tail = Tail(store, poll_seconds=settings.event_poll_seconds)
    courier = Courier(
        webhooks, secrets, store, tail, deliverer, ground.trail,
        patience=Patience(give_up_seconds=settings.webhook_give_up_seconds),
        lease_seconds=settings.webhook_lease_seconds,
    )  # fmt: skip
    ground.database.written = tail.wake
    server.on_stop(tail.close)
    servicer = EventServicer(
        Events(store, tail, max_watchers=settings.max_event_watchers),
        Webhooks(webhooks, secrets, deliverer, ground.trail, wake=courier.wake),
    )
    server.add(add_EventServiceServicer_to_server, servicer, FULL_NAME)
    retention = Retention(store, days=settings.event_days)
    async with beside(tail.run(), courier.run(), retention.run()):
        yield
