"""A house whose batches are answered from a script, and whose clock a test sets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.batches import Batch, Status
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.files import FileRecord, Purpose
from colonnade.gateway.http.openai.lines import LineAnswers
from colonnade.gateway.service.batches import Asking, Results, Runner, Workplace
from colonnade.gateway.service.doorkeeper import utc_now
from tests.unit.gateway.fakes import House

CHAT = "/v1/chat/completions"


def lines(*bodies: Mapping[str, Any], endpoint: str = CHAT) -> bytes:
    made = [
        {"custom_id": f"id-{at}", "method": "POST", "url": endpoint, "body": body}
        for at, body in enumerate(bodies, 1)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in made)


@dataclass
class Scripted:
    """Answers each line with what its ``custom`` script says, one word a try."""

    scripts: dict[int, list[str | ColonnadeError]] = field(default_factory=dict)
    asked: list[Exchange] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    most: int = 0

    async def answer(self, exchange: Exchange, endpoint: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(exchange)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            line = int(exchange.request_id.rpartition("-")[2])
            script = self.scripts.get(line, [])
            word = script.pop(0) if script else "ok"
            if isinstance(word, ColonnadeError):
                raise word
            if word == "hang":
                self.entered.set()
                await asyncio.Event().wait()
            if word == "break":
                raise ZeroDivisionError
            await asyncio.sleep(0)
            return {"text": word}
        finally:
            self.running -= 1

    def refusal(self, error: ColonnadeError, request_id: str) -> tuple[int, Mapping[str, Any]]:
        return LineAnswers(None).refusal(error, request_id)  # type: ignore[arg-type]


class Bench:
    """A house, what its batches are answered with, and a clock."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.answers = Scripted()
        self.slept: list[float] = []
        self.now = datetime.now(UTC)
        self.bounds = replace(house.bounds, renew_seconds=60.0)

    def runner(self, answers: Any = None) -> Runner:
        house, bounds = self.house, self.bounds
        asking = Asking(answers or self.answers, house.doorkeeper, bounds, self._sleep)
        results = Results(house.batch_store, house.contents, utc_now)
        return Runner(Workplace(house.batch_store, house.contents, asking, results, bounds, lambda: self.now))

    async def submit(self, content: bytes, endpoint: str = CHAT, key_id: str = "", at: int = 1) -> str:
        file_id, batch_id = f"file-{at}", f"batch_{at}"
        self.house.contents.files[file_id] = content
        record = FileRecord(file_id, "local", "me", key_id, "x", Purpose.BATCH, len(content), "", self.now)
        await self.house.file_store.add(record, 10**9)
        ends = self.now + timedelta(days=1)
        await self.house.batch_store.add(
            Batch(batch_id, "local", "me", key_id, endpoint, file_id, self.now, ends)
        )
        return batch_id

    async def batch(self, batch_id: str = "batch_1") -> Batch:
        found = await self.house.batch_store.find("local", batch_id)
        assert found is not None
        return found

    async def until(self, status: Status, batch_id: str = "batch_1") -> Batch:
        return await self.seen(lambda batch: batch.status is status, batch_id)

    async def seen(self, condition: Callable[[Batch], bool], batch_id: str = "batch_1") -> Batch:
        """The batch, once the condition holds of it."""
        async with asyncio.timeout(30):
            while not condition(found := await self.batch(batch_id)):  # noqa: ASYNC110 - stores have no events
                await asyncio.sleep(0)
        return found

    def written(self, file_id: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.house.contents.files[file_id].splitlines()]

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def at_work(runner: Runner) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
