"""Whatever order things happen in: everyone hears the whole answer, and all of it is paid for once."""

import asyncio
from collections.abc import AsyncGenerator

from hypothesis import example, given, settings
from hypothesis import strategies as st

from colonnade.inference.caches.flight import Flight, Listener
from colonnade.inference.domain import Chunk, Spent
from tests.unit.inference.caches.conftest import FakeParcels, caching

ANSWERS, TOKENS, PROMPT = 2, 3, 5
SCRIPT = [(index, f"{index}{step}") for step in range(TOKENS) for index in range(ANSWERS)]
acts = st.lists(
    st.tuples(st.sampled_from(["step", "join", "abort", "read", "read"]), st.integers(0, 5)), max_size=40
)


class Parcels(FakeParcels):
    def spent(self, parcel: object) -> Spent:
        return Spent(PROMPT, int(str(parcel).partition("=")[2]))

    def whole(self, parcel: object) -> bool:
        return str(parcel).startswith("end")


class Engine:
    """Goes on when it is told to; an aborted one ends with what it had come to."""

    def __init__(self) -> None:
        self.steps = asyncio.Semaphore(0)
        self.aborted = False
        self.made = [0] * ANSWERS
        self.stopped = False

    async def chunks(self) -> AsyncGenerator[Chunk]:
        try:
            for index, text in SCRIPT:
                await self.steps.acquire()
                if self.aborted:
                    break
                self.made[index] += 1
                yield Chunk(text, text=text, index=index)
            await self.steps.acquire()
            for index in range(ANSWERS):
                how = "cancelled" if self.aborted else "end"
                yield Chunk(f"{how}={self.made[index]}", last=True, index=index)
        finally:
            self.stopped = True

    async def abort(self) -> None:
        self.aborted = True
        self.steps.release()


class Client:
    """Takes a chunk when it is told to, and pays as a gateway does."""

    def __init__(self, listener: Listener, *, first: bool) -> None:
        self.listener, self.first = listener, first
        self.turns = asyncio.Semaphore(0)
        self.heard: list[Chunk] = []
        self.aborted = False
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for chunk in self.listener.chunks():
            await self.turns.acquire()
            self.heard.append(chunk)

    @property
    def paid(self) -> Spent:
        ends = {chunk.index: self._spent(chunk) for chunk in self.heard if chunk.last}
        if not self.first:
            told = [chunk.cached.generated for chunk in self.heard if chunk.cached and chunk.cached.generated]
            return sum(told, Spent())
        assert len(ends) == ANSWERS
        return Spent(ends[min(ends)].prompt, sum(each.completion for each in ends.values()))

    def _spent(self, chunk: Chunk) -> Spent:
        return chunk.left if chunk.left is not None else Parcels().spent(chunk.parcel)


async def perform(act: str, client: Client, engine: Engine, flight: Flight) -> list[Client]:
    """The client who joined, if one did."""
    joined = []
    if act == "step":
        engine.steps.release()
    elif act == "join" and flight.joinable:
        joined.append(Client(flight.listen(age_seconds=0), first=False))
    elif act == "abort" and not client.aborted:
        client.aborted = True
        await client.listener.abort()
    elif act == "read":
        client.turns.release()
    await settle()
    return joined


async def settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


@settings(deadline=None, max_examples=300)
@given(acts)
@example([("join", 0), ("abort", 0), ("abort", 1)])
async def test_everyone_hears_it_all_and_it_is_paid_for_once(acts: list[tuple[str, int]]) -> None:
    engine, landed = Engine(), asyncio.Event()

    async def done(flight: Flight) -> None:
        landed.set()

    flight = Flight(caching(answers=ANSWERS), Parcels(), window=1 << 20)
    clients = [Client(flight.listen(), first=True)]
    task = flight.start(engine.chunks(), engine.abort, done)
    for act, number in acts:
        clients += await perform(act, clients[number % len(clients)], engine, flight)
    for semaphore in (engine.steps, *(client.turns for client in clients)):
        for _ in range(50):
            semaphore.release()
    await asyncio.gather(*(client.task for client in clients))
    await task
    assert landed.is_set()
    assert engine.stopped
    for client in clients:
        if not client.aborted and not engine.aborted:
            assert [chunk.parcel for chunk in client.heard][: len(SCRIPT)] == [text for _, text in SCRIPT]
            assert sum(chunk.last for chunk in client.heard) == ANSWERS
    paid = sum((client.paid for client in clients), Spent())
    if flight.complete:
        assert paid == Spent(PROMPT, sum(engine.made))
    assert flight.whole == (flight.complete and not engine.aborted)
