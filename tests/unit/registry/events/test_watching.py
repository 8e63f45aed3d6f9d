"""A stream of events: what was, what happens here and elsewhere, and that it ends."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument, Overloaded, Unavailable
from colonnade.registry.adapters.sql_events import SqlEventStore
from colonnade.registry.events.ports import Page, Wanted
from colonnade.registry.events.service import PAGE_SIZE, Events, Told
from colonnade.registry.events.tail import Tail
from tests.unit.registry.events.stores import LIMIT, Kept, kept

ALL = Wanted()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as house:
        yield house


def events_of(house: Kept, **options: float) -> Events:
    return Events(house.events, house.tail, **options)  # type: ignore[arg-type]


async def numbers(stream: AsyncGenerator[Told], count: int) -> list[int]:
    """Of its next events."""
    found: list[int] = []
    async with asyncio.timeout(LIMIT):
        while len(found) < count:
            told = await anext(stream)
            found += [told.event.number] if told.event else []
    return found


async def page(events: Events, after: int | None = None, limit: int = 0, wanted: Wanted = ALL) -> list[Told]:
    return [told async for told in events.page(wanted, after, limit)]


async def test_pages(house: Kept) -> None:
    events = events_of(house)
    assert await page(events) == [Told(None, 0)]
    await house.tell(*["model.described"] * 3, "alias.moved")
    found = await page(events, limit=3)
    assert [told.event.number if told.event else None for told in found] == [1, 2, 3, None]
    assert [told.last for told in found] == [4, 4, 4, 3]
    assert [told.last for told in await page(events, 3)] == [4, 4]
    assert [told.event.number for told in await page(events, -2) if told.event] == [3, 4]
    assert await page(events, 2, 9, Wanted(kinds=("rollout.*",))) == [Told(None, 4)]
    for after, limit in ((5, 0), (0, -1), (0, 1001)):
        with pytest.raises(InvalidArgument):
            await page(events, after, limit)


async def test_what_happens_here_is_told_at_once(house: Kept) -> None:
    """Nobody looks by himself for an hour."""
    await house.tell("model.created")
    async with aclosing(events_of(house).follow(ALL, None)) as stream:
        assert await anext(stream) == Told(None, 1)
        for number in (2, 3, 4):
            await house.tell("alias.moved")
            assert await numbers(stream, 1) == [number]


async def test_what_other_registries_write_is_seen_by_looking(tmp_path: Path) -> None:
    async with (
        kept(tmp_path, poll_seconds=0.01) as here,
        kept(tmp_path) as there,
        aclosing(events_of(here).follow(ALL, 0)) as stream,
    ):
        assert await anext(stream) == Told(None, 0)
        await there.tell("alias.moved", "alias.moved")
        assert await numbers(stream, 2) == [1, 2]


async def test_it_begins_where_it_is_told_to_and_leaves_out_what_is_not_wanted(house: Kept) -> None:
    await house.tell(*["alias.moved", "rollout.step"] * (PAGE_SIZE + 10))
    async with aclosing(events_of(house).follow(Wanted(kinds=("rollout.*",)), 3)) as stream:
        assert await numbers(stream, PAGE_SIZE + 9) == list(range(4, 2 * PAGE_SIZE + 21, 2))
        await house.tell("alias.moved")
        await house.tell("rollout.step")
        assert await numbers(stream, 1) == [2 * PAGE_SIZE + 22]


async def test_one_that_hears_nothing_knows_that_it_is_alive(house: Kept) -> None:
    await house.tell("alias.moved")
    async with aclosing(events_of(house, beat_seconds=0.01).follow(Wanted(models=("x",)), 0)) as stream:
        async with asyncio.timeout(LIMIT):
            assert await anext(stream) == Told(None, 0)
            assert await anext(stream) == Told(None, 1), "what was not wanted was looked at"


async def test_a_slow_reader_holds_one_page(house: Kept) -> None:
    asked: list[int] = []

    class Counting(SqlEventStore):
        async def page(self, wanted: Wanted, after: int, limit: int) -> Page:
            asked.append(after)
            return await super().page(wanted, after, limit)

    await house.tell(*["alias.moved"] * (3 * PAGE_SIZE))
    async with aclosing(Events(Counting(house.database), house.tail).follow(ALL, 0)) as stream:
        assert await numbers(stream, PAGE_SIZE) == list(range(1, PAGE_SIZE + 1))
        assert asked == [0]
        assert await numbers(stream, 1) == [PAGE_SIZE + 1]
        assert asked == [0, PAGE_SIZE]


async def test_streams_end_when_the_registry_is_about_to(house: Kept) -> None:
    events = events_of(house)
    streams = [events.follow(ALL, None) for _ in range(3)]
    for stream in streams:
        await anext(stream)
    waiting = [asyncio.create_task(anext(stream, None)) for stream in streams]
    await asyncio.sleep(0)
    house.tail.close()
    async with asyncio.timeout(LIMIT):
        assert await asyncio.gather(*waiting) == [None] * 3
    assert [told.last async for told in events.follow(ALL, None)] == [0]


async def test_there_are_so_many_watchers_and_no_more(house: Kept) -> None:
    events = events_of(house, max_watchers=2)
    first, second = events.follow(ALL, None), events.follow(ALL, None)
    await anext(first)
    await anext(second)
    with pytest.raises(Overloaded, match="2 watch events"):
        await anext(events.follow(ALL, None))
    await first.aclose()
    third = events.follow(ALL, None)
    await anext(third)
    await second.aclose()
    await third.aclose()


async def test_a_refusal_leaves_no_watcher_behind(house: Kept) -> None:
    events = events_of(house, max_watchers=1)
    for _ in range(3):
        with pytest.raises(InvalidArgument, match="after is 9"):
            await anext(events.follow(ALL, 9))


async def test_a_database_that_is_away_for_a_while_stops_nothing() -> None:
    class Flaky:
        def __init__(self) -> None:
            self.answers: list[int | Unavailable] = [Unavailable("away"), 3, Unavailable("away"), 5]

        async def last(self) -> int:
            answer = self.answers.pop(0) if self.answers else 5
            if isinstance(answer, Unavailable):
                raise answer
            return answer

    tail = Tail(Flaky(), poll_seconds=0.001)
    running = asyncio.create_task(tail.run())
    assert await tail.beyond(2, LIMIT)
    assert await tail.beyond(4, LIMIT)
    assert not await tail.beyond(5, 0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
