"""The registry's events and webhooks, for tests of the gateway."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.events import Event, EventQuery, NewWebhook, Told, Webhook, WebhookOrder
from colonnade.gateway.domain.exchange import Caller

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)


def event(number: int, kind: str = "alias.moved") -> Event:
    return Event(number, MOMENT, kind, "local", "tiny", 1, "production", "local/local", {"revision": "1"})


def webhook(webhook_id: str = "wh_1") -> Webhook:
    return Webhook(
        webhook_id, "https://hooks.example.com/x", (), ("alias.*",), "active", 3, 5, 2, "answered 500",
        MOMENT, "local/local",
    )  # fmt: skip


class FakeEvents:
    """Implements ``ports.EventBook``. ``queue`` is what a stream tells, until None comes."""

    def __init__(self) -> None:
        self.error: ColonnadeError | None = None
        self.kept = [event(number) for number in (1, 2, 3)]
        self.queue: asyncio.Queue[Told | ColonnadeError | None] = asyncio.Queue()
        self.asked: list[EventQuery] = []
        self.orders: list[WebhookOrder] = []
        self.acts: list[tuple[str, str]] = []
        self.streams = 0

    async def page(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        self._check()
        self.asked.append(query)
        for each in self.kept[: query.limit]:
            yield Told(each, 5)
        yield Told(None, 3)

    async def follow(self, caller: Caller, query: EventQuery) -> AsyncGenerator[Told, None]:
        self._check()
        self.asked.append(query)
        self.streams += 1
        try:
            yield Told(None, 0)
            while (told := await self.queue.get()) is not None:
                if isinstance(told, ColonnadeError):
                    raise told
                yield told
        finally:
            self.streams -= 1

    async def create_webhook(self, caller: Caller, order: WebhookOrder) -> NewWebhook:
        self._check()
        self.orders.append(order)
        return NewWebhook(replace(webhook(), url=order.url), "whsec_c2VjcmV0")

    async def webhooks(self, caller: Caller) -> Sequence[Webhook]:
        self._check()
        return [webhook()]

    async def delete_webhook(self, caller: Caller, webhook_id: str) -> None:
        self._check()
        self.acts.append(("delete", webhook_id))

    async def resume_webhook(self, caller: Caller, webhook_id: str) -> Webhook:
        self._check()
        self.acts.append(("resume", webhook_id))
        return webhook(webhook_id)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
