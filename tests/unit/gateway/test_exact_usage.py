"""The ledger adds up to what the engine counted: hundreds of requests, cancelled at random."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from random import Random

import pytest

from colonnade.errors import Unavailable
from colonnade.gateway.domain.exchange import Caller, Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, GenerationSpec, Timings, Token, Usage
from colonnade.gateway.domain.models import Target
from colonnade.gateway.domain.usage import Amounts, Tally
from colonnade.gateway.service.reading import Leftovers, Reading
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import House

ALICE = Principal("acme", "alice", frozenset({Role.CALLER}), "k1")


class FakeEngine:
    """Generates until it is done or aborted, whoever listens, and counts as an engine does.

    That is: the prompt once, and what was generated before the abort took hold."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._aborted: dict[str, bool] = {}
        self.counted = Amounts()
        self.cancelled = 0

    async def stream(
        self, caller: Caller, spec: GenerationSpec, target: Target
    ) -> AsyncGenerator[Chunk, None]:
        await self._pause()
        self._aborted[caller.call_id] = False
        prompt, generated = self._random.randrange(1, 50), [0] * spec.n
        self.counted += Amounts(1, prompt_tokens=prompt)
        open_ = set(range(spec.n))
        try:
            while open_:
                await self._pause()
                for index in sorted(open_):
                    tokens = min(self._random.randrange(1, 4), spec.max_tokens - generated[index])
                    aborted = self._aborted[caller.call_id]
                    if not aborted:
                        generated[index] += tokens
                        self.counted += Amounts(completion_tokens=tokens)
                    done = aborted or generated[index] >= spec.max_tokens
                    reason = "cancelled" if aborted else "length"
                    usage = Usage(prompt, generated[index])
                    finish = Finish(reason, usage, Timings(), 0) if done else None
                    if done:
                        open_.discard(index)
                    shown = () if aborted else tuple(Token(7, "x") for _ in range(tokens))
                    yield Chunk("x" * len(shown), shown, finish, index)
        except GeneratorExit:
            self.cancelled += bool(open_)
            raise
        finally:
            del self._aborted[caller.call_id]

    async def abort(self, caller: Caller) -> bool:
        await self._pause()
        found = caller.call_id in self._aborted
        if found:
            self._aborted[caller.call_id] = True
        return found

    async def _pause(self) -> None:
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)


async def request(house: House, random: Random, number: int) -> None:
    """Reads an answer to its end, or leaves: by closing it, or by being cancelled wherever it is."""
    exchange = Exchange("the-same-id" if number % 3 else f"r{number}", identity=ALICE)
    exchange.spec = GenerationSpec(prompt="p", max_tokens=random.randrange(1, 30), n=random.randrange(1, 4))
    patience = random.randrange(40)

    async def read() -> None:
        async with aclosing(house.gateway.pipeline.generate(exchange)) as chunks:
            taken = 0
            async for _ in chunks:
                taken += 1
                if taken > patience:
                    return

    task = asyncio.create_task(read())
    if number % 2:
        for _ in range(random.randrange(60)):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("seed", range(3))
async def test_the_ledger_adds_up_to_what_the_engine_counted(house: House, seed: int) -> None:
    random = Random(seed)
    engine = FakeEngine(random)
    house.generator.stream = engine.stream  # type: ignore[method-assign]
    house.generator.abort = engine.abort  # type: ignore[method-assign]
    for _ in range(10):
        await asyncio.gather(*(request(house, random, number) for number in range(30)))
    await house.settled()
    total = sum((entry.amounts for entry in house.ledger.entries), Amounts())
    assert engine.counted.completion_tokens > 1000
    assert total == engine.counted
    assert not engine.cancelled, "every stream told how it ended"


def chunk(*, last: bool = False) -> Chunk:
    return Chunk("x", (Token(1, "x"),), Finish("stop", Usage(3, 9), Timings(), 0) if last else None)


async def test_a_stream_that_does_not_end_in_time_is_counted_by_what_came() -> None:
    tally, leftovers = Tally(), Leftovers(seconds=0.05)
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[Chunk, None]:
        try:
            yield chunk()
            yield chunk()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def deaf() -> bool:
        return True

    reading = Reading(endless(), tally)
    async with aclosing(reading.chunks()) as chunks:
        await anext(chunks)
    leftovers.take(reading, deaf)
    await leftovers.close()
    assert closed.is_set()
    assert tally.closed
    assert tally.usage == Usage(0, 2)


async def test_an_abort_that_fails_still_reads_to_the_end() -> None:
    tally, leftovers, go = Tally(), Leftovers(), asyncio.Event()

    async def stream() -> AsyncGenerator[Chunk, None]:
        yield chunk()
        await go.wait()
        yield chunk(last=True)

    async def fails() -> bool:
        go.set()
        raise Unavailable("nobody is there")

    reading = Reading(stream(), tally)
    async with aclosing(reading.chunks()) as chunks:
        await anext(chunks)
    leftovers.take(reading, fails)
    await leftovers.close()
    assert tally.usage == Usage(3, 9)


async def test_an_abort_that_overtakes_its_request_is_sent_again() -> None:
    tally, leftovers, aborts, go = Tally(), Leftovers(), list[bool](), asyncio.Event()

    async def stream() -> AsyncGenerator[Chunk, None]:
        await go.wait()
        yield chunk(last=True)

    async def abort() -> bool:
        aborts.append(len(aborts) == 1)
        if aborts[-1]:
            go.set()
        return aborts[-1]

    reading = Reading(stream(), tally)
    leftovers.take(reading, abort)
    await leftovers.close()
    assert aborts == [False, True]
    assert tally.complete


async def test_a_slow_client_does_not_fill_the_memory() -> None:
    given = 0

    async def plenty() -> AsyncGenerator[Chunk, None]:
        nonlocal given
        for _ in range(10_000):
            given += 1
            yield chunk()
        yield chunk(last=True)

    tally = Tally()
    reading = Reading(plenty(), tally)
    async with aclosing(reading.chunks()) as chunks:
        for _ in range(10):
            await anext(chunks)
            for _ in range(50):
                await asyncio.sleep(0)
        assert given < 200
        rest = [each async for each in chunks]
    assert len(rest) == 10_001 - 10
    assert tally.complete
