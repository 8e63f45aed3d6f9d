"""The registry killed in the middle of writes, and a receiver that fails and goes away: no event is lost.

Watchers see a sequence without gaps; a webhook is told each event at least once and in order.
"""

import asyncio
import os
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import grpc
import pytest

from colonnade.api.registry.v1 import events_pb2 as messages
from colonnade.api.registry.v1.events_pb2_grpc import EventServiceStub
from colonnade.errors import ColonnadeError, Unavailable
from tests.harness.receiver import Receiver, receiving
from tests.integration.registry.test_kill_service import Service

KILLS = int(os.environ.get("KILL_DRILL_EVENTS", "8"))
SEED = int(os.environ.get("KILL_DRILL_SEED", "20260101"))
WRITERS = 3
LIMIT = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLONNADE_REGISTRY_WEBHOOK_URLS", "http+private://127.0.0.1:*")
    monkeypatch.setenv("COLONNADE_REGISTRY_WEBHOOK_LEASE_SECONDS", "2")
    return short_folder


class Drill:
    def __init__(self, service: Service, receiver: Receiver) -> None:
        self.service, self.receiver = service, receiver
        self.stub = EventServiceStub(service.peer.channel)
        self.random = random.Random(SEED)
        self.seen: list[messages.Event] = []
        self.acknowledged: list[tuple[str, int]] = []
        self.progress = asyncio.Condition()
        self.stopping = False
        self.reconnects = 0

    async def watch(self) -> None:
        """As the SDK does: comes back with the last number."""
        while True:
            after = self.seen[-1].number if self.seen else 0
            request = messages.WatchEventsRequest(after=after, follow=True)
            answers = self.service.peer.stream(self.stub.WatchEvents, request, messages.WatchEventsResponse)
            with suppress(Unavailable):
                async with aclosing(answers):
                    async for answer in answers:
                        if answer.HasField("event"):
                            self.seen.append(answer.event)
            self.reconnects += 1
            await self.service.up()

    async def write(self, alias: str) -> None:
        revision = 0
        while not self.stopping:
            try:
                revision = await self.service.set_alias("shared", alias, [1], revision)
            except Unavailable:
                await self.service.up()
                revision = await self._revision(alias)
                continue
            async with self.progress:
                self.acknowledged.append((alias, revision))
                self.progress.notify_all()

    async def some_more(self) -> None:
        enough = len(self.acknowledged) + self.random.randint(2, 9)
        async with self.progress, asyncio.timeout(LIMIT):
            await self.progress.wait_for(lambda: len(self.acknowledged) >= enough)

    async def webhook(self) -> messages.Webhook:
        request = messages.ListWebhooksRequest()
        answer = await self.service.peer.unary(self.stub.ListWebhooks, request, messages.ListWebhooksResponse)
        (found,) = answer.webhooks
        return found

    async def _revision(self, alias: str) -> int:
        while True:
            with suppress(Unavailable):
                kept = (await self.service.model("shared")).model.aliases
                return next((each.revision for each in kept if each.name == alias), 0)
            await self.service.up()


@asynccontextmanager
async def drilling(home: Path) -> AsyncIterator[Drill]:
    with receiving() as receiver:
        service = Service(home)
        try:
            await service.up()
            await service.import_model("shared", "weights")
            drill = Drill(service, receiver)
            request = messages.CreateWebhookRequest(url=receiver.url, after=0, idempotency_key="drill")
            made = await service.peer.unary(drill.stub.CreateWebhook, request, messages.CreateWebhookResponse)
            receiver.secret = made.secret
            yield drill
        finally:
            with suppress(ColonnadeError, grpc.aio.AioRpcError):
                await service.close()


async def test_nothing_is_lost_and_nothing_is_told_that_was_not_done(home: Path) -> None:
    async with drilling(home) as drill:
        receiver = drill.receiver
        receiver.status = lambda attempt: 500 if attempt % 7 == 0 else 200
        watching = asyncio.create_task(drill.watch())
        async with asyncio.TaskGroup() as group:
            for number in range(WRITERS):
                group.create_task(drill.write(f"writer{number}"))
            for kill in range(KILLS):
                await drill.some_more()
                if kill == KILLS // 2:
                    receiver.down()
                await drill.service.kill()
                await drill.service.up()
            receiver.up()
            await drill.some_more()
            drill.stopping = True
        async with asyncio.timeout(LIMIT):
            while (hook := await drill.webhook()).delivered < hook.last:  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.05)
            while drill.seen[-1].number < hook.last:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        aliases = (await drill.service.model("shared")).model.aliases

    assert [event.number for event in drill.seen] == list(range(1, hook.last + 1))
    told = defaultdict(list)
    for event in drill.seen:
        if event.kind == "alias.moved":
            told[event.alias].append(int(event.facts["revision"]))
    for alias in aliases:  # no act without its event, and no event without its act
        assert told[alias.name] == list(range(1, alias.revision + 1))
    assert {(alias, number) for alias in told for number in told[alias]} >= set(drill.acknowledged)

    assert receiver.wrong == []
    assert list(dict.fromkeys(receiver.numbers)) == list(range(1, hook.last + 1))
    ids = {message_id: content["data"]["number"] for message_id, content in receiver.taken}
    assert len(ids) == hook.last, "one id an event, however often it comes"
    twice = len(receiver.taken) - len(ids)
    sys.stdout.write(
        f"\n{KILLS} kills, {hook.last} events: seen without a gap over {drill.reconnects} reconnections; "
        f"told to the webhook in {len(receiver.attempts)} attempts, {twice} twice, 0 lost, in order\n"
    )
    assert len(receiver.attempts) > len(receiver.taken)
    assert hook.last > KILLS
