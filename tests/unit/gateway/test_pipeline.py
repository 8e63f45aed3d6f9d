"""The list of stages: order, text that is held back or changed, and what runs whatever happens."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from colonnade.errors import PermissionDenied
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.service.pipeline import Pipeline, Stage
from tests.unit.gateway.fakes import finish


class Noting(Stage):
    def __init__(self, name: str, log: list[str], refuse: bool = False, fail_after: bool = False) -> None:
        self.name, self.log, self.refuse, self.fail_after = name, log, refuse, fail_after

    async def before(self, exchange: Exchange) -> None:
        self.log.append(f"{self.name} before")
        if self.refuse:
            raise PermissionDenied("no")

    async def after(self, exchange: Exchange) -> None:
        self.log.append(f"{self.name} after {exchange.failure}".strip())
        if self.fail_after:
            raise RuntimeError("a bug in after")


class Source(Stage):
    def __init__(self, log: list[str], texts: str = "abc") -> None:
        self.log, self.texts = log, texts

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        return self._chunks()

    async def _chunks(self) -> AsyncGenerator[Chunk, None]:
        try:
            for text in self.texts:
                yield Chunk(text)
            yield Chunk("", (), finish())
        finally:
            self.log.append("source closed")


class Window(Stage):
    """As a guard will: releases text only once two more characters are known, and masks "b"."""

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        return self._released(chunks)

    async def _released(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk, None]:
        held = ""
        async for chunk in chunks:
            held += chunk.text
            end = len(held) if chunk.finish else max(0, len(held) - 2)
            released, held = held[:end], held[end:]
            if released or chunk.finish:
                yield Chunk(released.replace("b", "*"), (), chunk.finish)


async def test_before_goes_down_and_after_goes_up() -> None:
    log: list[str] = []
    pipeline = Pipeline([], [Noting("outer", log), Noting("inner", log), Source(log)])
    chunks = [chunk async for chunk in pipeline.generate(Exchange("id"))]
    assert "".join(chunk.text for chunk in chunks) == "abc"
    assert log == ["outer before", "inner before", "source closed", "inner after", "outer after"]


async def test_a_stage_may_hold_back_and_change_text() -> None:
    pipeline = Pipeline([], [Window(), Source([], "abcb")])
    chunks = [chunk async for chunk in pipeline.generate(Exchange("id"))]
    assert [chunk.text for chunk in chunks] == ["a", "*", "c*"]
    assert chunks[-1].finish is not None


async def test_a_refusal_ends_the_way_and_after_still_runs() -> None:
    log: list[str] = []
    stages = [Noting("outer", log, fail_after=True), Noting("inner", log, refuse=True), Source(log)]
    with pytest.raises(PermissionDenied):
        await anext(Pipeline([], stages).generate(Exchange("id")))
    assert log == [
        "outer before",
        "inner before",
        "inner after permission_denied",
        "outer after permission_denied",
    ]


async def test_closing_early_closes_the_source_first() -> None:
    log: list[str] = []
    pipeline = Pipeline([], [Noting("outer", log), Window(), Source(log)])
    exchange = Exchange("id")
    async with aclosing(pipeline.generate(exchange)) as chunks:
        await anext(chunks)
    assert log == ["outer before", "source closed", "outer after cancelled"]
    assert exchange.failure == "cancelled"


async def test_admission_runs_its_own_stages() -> None:
    log: list[str] = []
    pipeline = Pipeline([Noting("admit", log)], [Noting("generate", log), Source(log)])
    await pipeline.admit(Exchange("id"))
    assert log == ["admit before"]
