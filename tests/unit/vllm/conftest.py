"""A core with a model behind it that answers when a test says so."""

import asyncio
from collections.abc import Callable
from collections.abc import Sequence as Row
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import torch

from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import Sequence, Update
from colonnade.models.protocol import LanguageModel
from colonnade.vllm.core import VllmCore
from colonnade.vllm.model import ServedModel
from tests.unit.engine.toys import spelling
from tests.unit.engine.work import Clock
from tests.unit.vllm.fake import FakeBackend

LIMIT = 20.0


@dataclass
class Bench:
    core: VllmCore
    backend: FakeBackend
    runtime: Runtime
    clock: Clock
    witnessed: list[list[Sequence]]
    updates: list[Update] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def deliver(self, updates: Row[Update]) -> None:
        self.updates += updates
        self.news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def ended(self, sequence: Sequence) -> Update:
        def last() -> list[Update]:
            return [
                each for each in self.updates if each.sequence is sequence and (each.finish or each.error)
            ]

        await self.until(lambda: bool(last()))
        assert len(last()) == 1
        return last()[0]

    def text(self, sequence: Sequence) -> str:
        mine = (each for each in self.updates if each.sequence is sequence)
        return "".join(piece.text for each in mine for piece in each.pieces)


def runtime_on(backend: FakeBackend) -> Runtime:
    model = ServedModel(
        backend=backend, folder=Path("nowhere"), vocab_size=260, context_length=96, memory_bytes=1000,
        dtype=torch.float32, takes_adapters=True,
    )  # fmt: skip
    return Runtime(
        ref=ModelRef("little", 1, "sha256:" + "5" * 64),
        family="transformer",
        model=cast("LanguageModel", model),
        tokenizer=spelling.tokenizer(),
        stop_ids=frozenset({256}),
        begin_id=257,
    )


@pytest.fixture
async def bench() -> Bench:
    backend, clock, witnessed = FakeBackend(), Clock(), list[list[Sequence]]()
    core = VllmCore(Limits(3, 2, cache_bytes=4000), clock, lambda company: witnessed.append(list(company)))
    made = Bench(core, backend, runtime_on(backend), clock, witnessed)
    core.drive(made.deliver, observe=lambda _: None)
    return made
