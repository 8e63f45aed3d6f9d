"""Events: seen by everybody, carried elsewhere by admins, and those acts recorded."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from colonnade.gateway.domain.events import EventQuery, NewWebhook, Told, Webhook, WebhookOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.ports import Audit, EventBook
from colonnade.security.audit import privileged

LONGEST_SECONDS = 900.0
"""For which a key that was revoked sees on. Whoever watches comes back with the last number."""


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
        self._longest, self._clock = longest_seconds, clock
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Streams end: they would never do so by themselves."""
        self._closing.set()

    def page(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        return self._book.page(caller, query)

    async def follow(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        """Ends in time, and where the gateway or the registry is about to stop."""
        until = self._clock() + self._longest
        closing = asyncio.create_task(self._closing.wait())
        try:
            async with aclosing(self._book.follow(caller, query)) as items:
                while (told := await self._next(items, closing, until)) is not None:
                    yield told
        finally:
            closing.cancel()

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

    async def _next(
        self, items: AsyncGenerator[Told, None], closing: "asyncio.Task[bool]", until: float
    ) -> Told | None:
        async def one() -> Told | None:
            return await anext(items, None)

        coming = asyncio.create_task(one())
        try:
            if (left := until - self._clock()) > 0 and not self._closing.is_set():
                await asyncio.wait({coming, closing}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else None
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
