"""The registry, for its events and who is told of them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from colonnade.gateway.domain.events import EventQuery, NewWebhook, Told, Webhook, WebhookOrder
from colonnade.gateway.domain.exchange import Caller


class EventBook(Protocol):
    """Raises as ``ModelCatalog`` does."""

    def page(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        """Oldest first; one without an event comes last."""

    def follow(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        """What is there and what comes; some without an event, the first of them at once."""

    async def create_webhook(self, caller: Caller, order: WebhookOrder) -> NewWebhook: ...

    async def webhooks(self, caller: Caller) -> Sequence[Webhook]: ...

    async def delete_webhook(self, caller: Caller, webhook_id: str) -> None: ...

    async def resume_webhook(self, caller: Caller, webhook_id: str) -> Webhook: ...
