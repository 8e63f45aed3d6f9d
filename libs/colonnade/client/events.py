"""Both clients' ``events`` and ``webhooks``."""

import builtins
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import TYPE_CHECKING

from colonnade.client import event_calls as calls
from colonnade.client.coming_back import COME_BACK, pause
from colonnade.client.event_calls import Event, EventPage, NewWebhook, Webhook
from colonnade.client.streams import AsyncStream, Stream

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncEvents:
    """What happens in the registry, in order."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def list(
        self,
        *,
        after: int | None = None,
        models: Sequence[str] = (),
        kinds: Sequence[str] = (),
        limit: int | None = None,
    ) -> EventPage:
        """A page, oldest first: those after a number, or with a negative one so many before the newest.

        ``kinds`` as in ``["alias.moved", "rollout.*"]``; the next page begins at its ``next_after``."""
        return self._client._call(calls.page(after, models, kinds, limit))

    def watch(
        self, *, after: int | None = None, models: Sequence[str] = (), kinds: Sequence[str] = ()
    ) -> Iterator[Event]:
        """Those after a number (by default the newest), and what happens from then on, without end.

        Comes back by itself, where it was, when the platform was away; what it raises at first is raised."""
        seen = calls.place(after, self._client._call(calls.page(None, (), (), 1)).last)
        failures = 0
        while True:
            try:
                with Stream(self._client, calls.watch(seen, models, kinds)) as stream:
                    failures = 0
                    for event in stream:
                        yield event
                        seen = event.number
            except COME_BACK:
                failures += 1
            self._client._sleep(pause(failures))


class AsyncEvents:
    """What happens in the registry, in order."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def list(
        self,
        *,
        after: int | None = None,
        models: Sequence[str] = (),
        kinds: Sequence[str] = (),
        limit: int | None = None,
    ) -> EventPage:
        """A page, oldest first: those after a number, or with a negative one so many before the newest.

        ``kinds`` as in ``["alias.moved", "rollout.*"]``; the next page begins at its ``next_after``."""
        return await self._client._call(calls.page(after, models, kinds, limit))

    async def watch(
        self, *, after: int | None = None, models: Sequence[str] = (), kinds: Sequence[str] = ()
    ) -> AsyncGenerator[Event]:
        """Those after a number (by default the newest), and what happens from then on, without end.

        Comes back by itself, where it was, when the platform was away; what it raises at first is raised.
        Close it (``contextlib.aclosing``) where it is left."""
        seen = calls.place(after, (await self._client._call(calls.page(None, (), (), 1))).last)
        failures = 0
        while True:
            try:
                async with AsyncStream(self._client, calls.watch(seen, models, kinds)) as stream:
                    failures = 0
                    async for event in stream:
                        yield event
                        seen = event.number
            except COME_BACK:
                failures += 1
            await self._client._sleep(pause(failures))


class SyncWebhooks:
    """Addresses that are told of events."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def create(
        self, url: str, *, models: Sequence[str] = (), kinds: Sequence[str] = (), after: int | None = None
    ) -> NewWebhook:
        """Its ``secret`` is shown this once. Without ``after`` it is told of what happens from now on."""
        return self._client._call(calls.create_webhook(url, models, kinds, after))

    def list(self) -> list[Webhook]:
        """With how far each was told."""
        return self._client._call(calls.webhooks())

    def delete(self, webhook_id: str) -> None:
        self._client._call(calls.delete_webhook(webhook_id))

    def resume(self, webhook_id: str) -> Webhook:
        """One that was given up goes on where it stopped, at once."""
        return self._client._call(calls.resume_webhook(webhook_id))


class AsyncWebhooks:
    """Addresses that are told of events."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def create(
        self, url: str, *, models: Sequence[str] = (), kinds: Sequence[str] = (), after: int | None = None
    ) -> NewWebhook:
        """Its ``secret`` is shown this once. Without ``after`` it is told of what happens from now on."""
        return await self._client._call(calls.create_webhook(url, models, kinds, after))

    async def list(self) -> builtins.list[Webhook]:
        """With how far each was told."""
        return await self._client._call(calls.webhooks())

    async def delete(self, webhook_id: str) -> None:
        await self._client._call(calls.delete_webhook(webhook_id))

    async def resume(self, webhook_id: str) -> Webhook:
        """One that was given up goes on where it stopped, at once."""
        return await self._client._call(calls.resume_webhook(webhook_id))
