"""Requests that are the same at the same time."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import pytest

from colonnade.errors import Internal, Unavailable
from colonnade.inference.domain import Cached, Chunk, Kind, Spent, Work
from tests.unit.inference.caches.conftest import Cached as House
from tests.unit.inference.caches.conftest import Starting, caching
from tests.unit.inference.fakes import GONE, FakeEngine, digest, work


class SteppedEngine(FakeEngine):
    """A chunk for every step that it is let go."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.steps = asyncio.Semaphore(0)

    async def abort(self, request_id: str) -> bool:
        self.steps.release()
        return await super().abort(request_id)

    async def _pass(self, gate: asyncio.Event) -> None:
        if gate is self.submit_gate:
            await self.steps.acquire()
        else:
            await super()._pass(gate)


async def until(condition: Callable[[], bool]) -> None:
    """Lets the other tasks go on as long as it takes."""
    while not condition():  # noqa: ASYNC110 - they are all ready
        await asyncio.sleep(0)


async def until_heard(ask: "Ask", count: int) -> None:
    await until(lambda: len(ask.chunks) >= count)


async def held(cached: Starting, **about: Any) -> House:
    """An engine that answers when its gate is opened."""
    house = await cached(FakeEngine("one", {digest("m")}, **about))
    house.engine.submit_gate.clear()
    return house


class Ask:
    """A request in a task of its own."""

    def __init__(self, house: House, **about: Any) -> None:
        self.chunks: list[Chunk] = []
        self.house = house
        self.name = about.pop("request_id", "")
        self.asked = caching(**about)
        self.stream = house.router.inference.generate(work(request_id=self.name), caching=self.asked)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for chunk in self.stream:
            self.chunks.append(chunk)

    async def abort(self) -> None:
        assert await self.house.router.inference.abort("acme", self.name)

    @property
    def texts(self) -> list[Any]:
        return [chunk.parcel for chunk in self.chunks]

    @property
    def generated(self) -> Spent | None:
        last = self.chunks[-1].cached
        return last.generated if last else None


async def until_listening(house: House, count: int) -> None:
    flights = house.answers._flights
    await until(lambda: sum(len(flight.listeners) for flight in flights.values()) == count)


async def test_identical_requests_generate_once(cached: Starting) -> None:
    house = await held(cached)
    asks = [Ask(house) for _ in range(5)]
    await until_listening(house, 5)
    house.engine.submit_gate.set()
    await asyncio.gather(*(ask.task for ask in asks))
    assert [ask.texts for ask in asks] == [["a", "b"]] * 5
    kinds = [ask.chunks[0].cached.kind for ask in asks if ask.chunks[0].cached]
    assert kinds == [Kind.MISS, *[Kind.JOINED] * 4]
    assert [ask.generated for ask in asks[1:]] == [None] * 4
    assert len(house.engine.done) == 1
    assert house.count("hits_total", kind="joined") == 4


async def test_one_that_comes_late_hears_it_from_the_beginning(cached: Starting) -> None:
    engine = SteppedEngine("one", {digest("m")}, chunks=("a", "b", "c"))
    house = await cached(engine)
    first = Ask(house)
    engine.steps.release()
    await until_heard(first, 1)
    house.clock.now += 2
    late = Ask(house)
    await until_heard(late, 1)
    assert late.chunks[0].cached == Cached(Kind.JOINED, age_seconds=2, similarity=1)
    engine.steps.release()
    engine.steps.release()
    await asyncio.gather(first.task, late.task)
    assert first.texts == late.texts == ["a", "b", "c"]


async def test_it_goes_on_when_the_first_has_left_and_whoever_stays_pays_the_rest(cached: Starting) -> None:
    engine = SteppedEngine("one", {digest("m")}, chunks=("a", "b", "c"))
    house = await cached(engine)
    house.parcels.completion = 3
    first, second, third = (Ask(house, request_id=name) for name in ("first", "second", "third"))
    await until_listening(house, 3)
    engine.steps.release()
    await until_heard(first, 1)
    await first.abort()
    await first.task
    assert first.chunks[1:] == [Chunk(None, last=True, left=Spent(0, 1))]
    engine.steps.release()
    engine.steps.release()
    await asyncio.gather(second.task, third.task)
    assert second.texts == third.texts == ["a", "b", "c"]
    assert engine.aborts == []
    assert second.generated == Spent(3, 2), "its prompt, which nobody was told of, and what came later"
    assert third.generated is None
    await house.answers.settled()
    assert await house.kinds(caching()) == ["hit"]


async def test_one_that_joined_leaves_alone(cached: Starting) -> None:
    house = await held(cached)
    first, second = Ask(house, request_id="first"), Ask(house, request_id="second")
    await until_listening(house, 2)
    await second.abort()
    await second.task
    assert second.chunks == [
        Chunk(None, last=True, cached=Cached(Kind.JOINED, 0.0, 1.0), left=Spent()),
    ]
    house.engine.submit_gate.set()
    await first.task
    assert first.texts == ["a", "b"]


async def test_the_last_one_ends_it_and_hears_how(cached: Starting) -> None:
    house = await held(cached, chunks=("a", "b", "c"))
    first, second = Ask(house, request_id="first"), Ask(house, request_id="second")
    await until_listening(house, 2)
    await first.abort()
    await first.task
    await second.abort()
    await second.task
    assert house.engine.aborts == ["first"], "the engine knows it by the name of whoever came first"
    assert second.texts == ["cancelled"]
    assert second.generated == Spent(3, 1)
    await house.answers.settled()
    house.engine.cancelled = False
    assert await house.kinds(caching()) == ["miss"]


async def test_what_is_being_aborted_is_not_joined(cached: Starting) -> None:
    engine = SteppedEngine("one", {digest("m")}, chunks=("a", "b", "c"))
    engine.knows_aborts = []  # it still reads the prompt
    house = await cached(engine)
    first = Ask(house, request_id="first")
    await until_listening(house, 1)
    aborting = asyncio.create_task(first.abort())
    await until(lambda: engine.aborts == ["first"])
    late = Ask(house)
    await until(lambda: len(engine.done) == 2)
    for _ in range(6):
        engine.steps.release()
    await asyncio.gather(first.task, late.task, aborting)
    assert late.texts == ["a", "b", "c"]


async def test_nobody_listens_and_it_ends(cached: Starting) -> None:
    house = await held(cached)
    asks = [Ask(house), Ask(house)]
    await until_listening(house, 2)
    for ask in asks:
        ask.task.cancel()
    await asyncio.gather(*(ask.task for ask in asks), return_exceptions=True)
    await house.answers.settled()
    assert house.engine.closed == 1
    assert not house.answers._flights


async def test_where_nothing_came_of_it_everyone_asks_alone(cached: Starting) -> None:
    house = await held(cached)
    asks = [Ask(house) for _ in range(3)]
    await until_listening(house, 3)
    house.engine.submit_gate.set()
    house.engine.down = True
    house.router.placement.policy = type(house.router.placement.policy)(retries=0, wait_seconds=0.01)
    results = await asyncio.gather(*(ask.task for ask in asks), return_exceptions=True)
    assert [type(each) for each in results] == [Unavailable] * 3
    assert house.router.count("requests_total", operation="generate", outcome="unavailable") == 3


async def test_a_fault_before_the_first_chunk_is_the_first_ones_alone(cached: Starting) -> None:
    house = await cached()
    house.engine.load_gate.clear()
    house.engine.loaded.clear()
    asks = [Ask(house) for _ in range(3)]
    await until_listening(house, 3)
    house.engine.errors = [Internal("a fault")]
    house.engine.load_gate.set()
    results = await asyncio.gather(*(ask.task for ask in asks), return_exceptions=True)
    assert [type(each) for each in results] == [Internal, type(None), type(None)]
    assert [ask.texts for ask in asks[1:]] == [["a", "b"]] * 2


async def test_a_fault_in_the_middle_is_everyones(cached: Starting) -> None:
    house = await held(cached, breaks_after=1)
    asks = [Ask(house) for _ in range(2)]
    await until_listening(house, 2)
    house.engine.submit_gate.set()
    results = await asyncio.gather(*(ask.task for ask in asks), return_exceptions=True)
    assert [type(each) for each in results] == [Unavailable] * 2
    assert [ask.texts for ask in asks] == [["a"]] * 2
    assert GONE.message not in str(results[0]), "it says that the answer is not complete"


async def test_another_versions_answer_is_not_shared(cached: Starting) -> None:
    house = await cached(FakeEngine("one", {digest("m"), digest("poet")}))
    house.engine.submit_gate.clear()
    house.engine.errors = [Internal("a fault")]
    first = house.router.inference.generate(work(), [work("poet")], caching=caching())
    begun = asyncio.create_task(anext(first))
    await until_listening(house, 1)
    second = Ask(house)
    await until_listening(house, 2)
    house.engine.submit_gate.set()
    assert (await begun).fallback == 1
    await second.task
    assert second.chunks[0].fallback == 0
    assert second.chunks[0].cached is None
    await first.aclose()


async def test_one_is_joined_only_by_who_has_the_time(cached: Starting) -> None:
    house = await held(cached)
    now = asyncio.get_running_loop().time()
    first = Ask(house, deadline=now + 100)
    await until_listening(house, 1)
    sooner, much_later, urgent = (
        Ask(house, deadline=now + 50),
        Ask(house, deadline=now + 500),
        Ask(house, deadline=now + 101, priority=1),
    )
    await until(lambda: len(house.engine.done) == 4)
    house.engine.submit_gate.set()
    await asyncio.gather(*(ask.task for ask in (first, sooner, much_later, urgent)))
    assert len(house.engine.done) == 4


async def test_others_are_not_waited_for_but_whoever_came_first_is(cached: Starting) -> None:
    texts = [str(number) * 5 for number in range(8)]
    house = await cached(FakeEngine("one", {digest("m")}, chunks=texts), entry_bytes=12)
    first = house.router.inference.generate(work(), caching=caching())
    lazy = house.router.inference.generate(work(), caching=caching())
    house.engine.submit_gate.clear()
    begun, joined = asyncio.create_task(anext(first)), asyncio.create_task(anext(lazy))
    await until_listening(house, 2)
    house.engine.submit_gate.set()
    assert (await begun).parcel == (await joined).parcel == texts[0]
    flight = next(iter(house.answers._flights.values()))
    assert [chunk.parcel async for chunk in first] == texts[1:]
    assert flight._bytes <= 12 + 5, "what everyone has read is let go"
    with pytest.raises(Unavailable, match="too slowly"):
        [chunk async for chunk in lazy]


async def test_who_reads_slowly_alone_slows_the_engine(cached: Starting) -> None:
    texts = [str(number) * 5 for number in range(8)]
    house = await cached(FakeEngine("one", {digest("m")}, chunks=texts), entry_bytes=12)
    stream = house.router.inference.generate(work(), caching=caching())
    await anext(stream)
    flight = next(iter(house.answers._flights.values()))
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(flight.heard) <= 4
    assert [chunk.parcel async for chunk in stream] == texts[1:]


async def test_one_that_comes_after_the_end_is_given_what_is_kept(cached: Starting) -> None:
    """Though the stream of the engine is still open."""
    engine = SteppedEngine("one", {digest("m")}, chunks=("a", "b", "after"))
    house = await cached(engine)
    house.parcels.completion = 2
    original = engine.submit

    async def ending(work: Work) -> AsyncGenerator[Chunk]:
        async for chunk in original(work):
            if chunk.text == "after":
                return
            yield replace(chunk, last=chunk.text == "b")

    engine.submit = ending  # type: ignore[method-assign]
    first = Ask(house)
    engine.steps.release()
    engine.steps.release()
    await until_heard(first, 2)
    late = Ask(house)
    await until(lambda: not house.answers._flights or late.task.done() or bool(engine.steps.locked()))
    engine.steps.release()
    await asyncio.gather(first.task, late.task)
    assert late.chunks[0].cached == Cached(Kind.HIT, similarity=1)
    assert len(engine.done) == 1
