"""A registry's database in a file, with what tells events into it, and a receiver of webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection
from standardwebhooks import Webhook as Verifier

from colonnade.errors import PermissionDenied, Unavailable
from colonnade.registry.adapters.sql_events import SqlEventStore
from colonnade.registry.adapters.sql_webhooks import SqlWebhookStore
from colonnade.registry.adapters.telling import tell
from colonnade.registry.events.ports import Answer
from colonnade.registry.events.secrets import WebhookSecrets
from colonnade.registry.events.tail import Tail
from colonnade.registry.service import utc_now
from colonnade.security.envelope import Keyring
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url

LIMIT = 20.0
KEYS = Keyring([b"k" * 32], "THE_KEY_FILE")
SECRETS = WebhookSecrets(KEYS)


@dataclass
class Kept:
    database: Database
    events: SqlEventStore
    webhooks: SqlWebhookStore
    tail: Tail

    async def tell(self, *kinds: str, model: str = "tiny") -> None:
        async def work(connection: AsyncConnection) -> None:
            for kind in kinds:
                await tell(connection, kind, by="acme/eve", at=utc_now(), model=model)

        await self.database.write(work)


@asynccontextmanager
async def kept(folder: Path, *, poll_seconds: float = 3600.0) -> AsyncIterator[Kept]:
    """What is written here wakes the tail; it looks by itself every ``poll_seconds``."""
    database = Database(sqlite_url(folder / "registry.db"))
    await migrate(database, "colonnade.registry")
    events = SqlEventStore(database)
    tail = Tail(events, poll_seconds=poll_seconds)
    database.written = tail.wake
    running = asyncio.create_task(tail.run())
    try:
        yield Kept(database, events, SqlWebhookStore(database), tail)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()


@dataclass
class Receiver:
    """A ``Deliverer`` to receivers that answer as they are told to; 0 is no answer at all."""

    says: dict[str, list[int]] = field(default_factory=dict)
    """What each answers next; 200 when there is nothing more."""
    asks: timedelta = timedelta(0)
    """To be left alone for, whatever it answers."""
    got: list[tuple[str, Mapping[str, str], bytes, int]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def check(self, url: str) -> None:
        if not url.startswith("https://"):
            raise PermissionDenied("not a place that may be reached", field="url")

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        left = self.says.get(url) or [200]
        status = left.pop(0)
        async with self._changed:
            self.got.append((url, headers, body, status))
            self._changed.notify_all()
        if not status:
            raise Unavailable("the other server cannot be reached, or broke off")
        return Answer(status, self.asks)

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with self._changed, asyncio.timeout(LIMIT):
            await self._changed.wait_for(wanted)

    def numbers(self, url: str, *, taken: bool = True) -> list[int]:
        """Of the events that came to an address, in order."""
        mine = [(body, status) for to, _, body, status in self.got if to == url]
        return [json.loads(body)["data"]["number"] for body, status in mine if status == 200 or not taken]

    def verify(self, secret: str, url: str) -> None:
        """Every message, as a receiver would."""
        for to, headers, body, _ in self.got:
            if to == url:
                Verifier(secret).verify(body, dict(headers))
