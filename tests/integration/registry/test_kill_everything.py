"""Every kind of write to the registry at once, and kills: nothing acknowledged is lost, nothing is torn."""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from colonnade.errors import ColonnadeError, Overloaded, Unavailable
from tests.integration.registry.drill.acts import ACTS, Act
from tests.integration.registry.drill.process import Registry
from tests.integration.registry.drill.sound import torn

KILLS = int(os.environ.get("KILL_DRILL_ACTS", "10"))
SEED = int(os.environ.get("KILL_DRILL_SEED", "20260101"))
PATIENCE_SECONDS = 120.0
CONVERTER = Path(__file__).parent / "drill" / "converter.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Client:
    """Writes one thing after the other; what was broken off is written again until it is acknowledged."""

    def __init__(self, act: Act, registry: Registry) -> None:
        self.act, self.registry = act, registry
        self.acknowledged = self.again = 0
        self.busy = False

    async def run(self, stopping: asyncio.Event, told: asyncio.Event) -> None:
        while not stopping.is_set():
            await self._write(self.acknowledged + 1)
            self.acknowledged += 1
            told.set()

    async def _write(self, number: int) -> None:
        while True:
            try:
                self.busy = True
                return await self.act.write(number)
            except Overloaded:
                await asyncio.sleep(0.05)  # other imports wait already
            except Unavailable:
                self.again += 1
                with suppress(Unavailable):
                    await self.registry.up()
            finally:
                self.busy = False


class Drill:
    def __init__(self, registry: Registry) -> None:
        self.registry, self.random = registry, random.Random(SEED)
        self.clients = [Client(act(registry.peer, registry.home), registry) for act in ACTS]
        self.under_way = 0

    async def run(self) -> None:
        stopping, told = asyncio.Event(), asyncio.Event()
        await self.registry.up()
        for client in self.clients:
            await client.act.begin()
        async with asyncio.TaskGroup() as group:
            for client in self.clients:
                group.create_task(client.run(stopping, told))
            for _ in range(KILLS):
                await self._some_more(told)
                await asyncio.sleep(self.random.uniform(0, 0.5))  # the moment of the kill
                self.under_way += sum(client.busy for client in self.clients)
                await self.registry.kill()
            await self._everybody_once_more(told)
            stopping.set()

    async def _some_more(self, told: asyncio.Event) -> None:
        """Until a service that is up again has acknowledged a few writes, and one more of some client's."""
        client = self.random.choice(self.clients)
        enough, one_more = self.written + self.random.randint(3, 15), client.acknowledged + 1
        while self.written < enough or client.acknowledged < one_more:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await told.wait()
            told.clear()

    async def _everybody_once_more(self, told: asyncio.Event) -> None:
        before = {client: client.acknowledged for client in self.clients}
        while any(client.acknowledged == before[client] for client in self.clients):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await told.wait()
            told.clear()

    async def lost(self) -> list[str]:
        """What the registry does not know any more."""
        found = []
        for client in self.clients:
            try:
                await client.act.check(client.acknowledged)
            except AssertionError as error:
                found.append(f"{client.act.name}: {error}")
        return found

    @property
    def written(self) -> int:
        return sum(client.acknowledged for client in self.clients)


async def test_every_write_outlives_kills(short_folder: Path) -> None:
    started = time.monotonic()
    settings = {
        "COLONNADE_REGISTRY_IMPORT_ROOTS": str(short_folder),
        "COLONNADE_REGISTRY_COLLECT_GRACE_HOURS": "0",
        "COLONNADE_REGISTRY_MAX_WAITING_IMPORTS": "20",
        "COLONNADE_REGISTRY_WEBHOOK_URLS": "http+private://127.0.0.1:*",
        "DRILL_CONVERTER": str(CONVERTER),
    }
    registry = Registry(short_folder, settings)
    drill = Drill(registry)
    try:
        await drill.run()
        lost = await drill.lost()
    finally:
        with suppress(ColonnadeError, grpc.aio.AioRpcError):
            await registry.close()
    found = await torn(short_folder)
    counts = Counter({client.act.name: client.acknowledged for client in drill.clients})
    again = sum(client.again for client in drill.clients)
    sys.stdout.write(
        f"\n{drill.written} writes acknowledged in {time.monotonic() - started:.0f} s, {KILLS} kills with "
        f"{drill.under_way} writes under way, {again} written again, {len(lost)} lost, {len(found)} torn\n"
        f"{', '.join(f'{count} {name}' for name, count in counts.items())}\n"
    )
    assert (lost, found) == ([], [])
    assert drill.under_way >= KILLS
    assert min(counts.values()) > 0
