"""Events: seen by everybody, carried elsewhere by admins, and those acts recorded."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from colonnade.gateway.domain.events import EventQuery, NewWebhook, Told, Webhook, WebhookOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.ports import Audit, EventBook
from colonnade.gateway.service.following import LONGEST_SECONDS, Following
from colonnade.security.audit import privileged


class Events:
    def __init__(
        self,
        book: EventBook,
        audit: Audit,
        *,
        longest_seconds: float = LONGEST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book, self._audit = book, audit
        self._following = Following(longest_seconds, clock=clock)

    def close(self) -> None:
        """Streams end: they would never do so by themselves."""
        self._following.close()

    def page(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        return self._book.page(caller, query)

    async def follow(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        """Ends in time, and where the gateway or the registry is about to stop."""
        async with aclosing(self._following.follow(self._book.follow(caller, query))) as items:
            async for told in items:
                if told is not None:
                    yield told

    async def create_webhook(self, caller: Caller, order: WebhookOrder) -> NewWebhook:
        facts = {
            "url": order.url,
            "models": ",".join(order.models),
            "kinds": ",".join(order.kinds),
            "request_id": caller.request_id,
        }
        async with privileged(self._audit, "webhook.create", caller.principal, acknowledge=False, **facts):
            return await self._book.create_webhook(caller, order)

    async def webhooks(self, caller: Caller) -> Sequence[Webhook]:
        return await self._book.webhooks(caller)

    async def delete_webhook(self, caller: Caller, webhook_id: str) -> None:
        facts = {"webhook": webhook_id, "request_id": caller.request_id}
        async with privileged(self._audit, "webhook.delete", caller.principal, acknowledge=False, **facts):
            await self._book.delete_webhook(caller, webhook_id)

    async def resume_webhook(self, caller: Caller, webhook_id: str) -> Webhook:
        facts = {"webhook": webhook_id, "request_id": caller.request_id}
        async with privileged(self._audit, "webhook.resume", caller.principal, acknowledge=False, **facts):
            return await self._book.resume_webhook(caller, webhook_id)
