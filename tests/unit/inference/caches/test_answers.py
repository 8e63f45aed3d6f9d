"""What is kept, for whom, and what is not."""

import asyncio

import pytest

from colonnade.errors import ColonnadeError, Internal, InvalidArgument
from colonnade.inference.domain import Cached, Caching, Kept, Kind, Near, Place
from tests.unit.inference.caches.conftest import Starting, caching
from tests.unit.inference.fakes import GONE, FakeEngine, digest, work


async def test_the_same_request_is_answered_without_an_engine(cached: Starting) -> None:
    house = await cached()
    first = await house.ask(caching())
    house.clock.now += 7
    again = await house.ask(caching())
    assert [chunk.parcel for chunk in again] == [chunk.parcel for chunk in first] == ["a", "b"]
    assert first[0].cached == Cached(Kind.MISS)
    assert again[0].cached == Cached(Kind.HIT, age_seconds=7, similarity=1)
    assert len(house.engine.done) == 1
    assert house.count("hits_total", kind="hit") == house.count("misses_total") == 1
    assert house.count("entries") == 1
    assert house.count("bytes") > 0


@pytest.mark.parametrize(
    "other",
    [caching("x"), caching(tenant="umbrella"), caching(model="poet")],
    ids=["key", "tenant", "digest"],
)
async def test_nothing_else_is_the_same(cached: Starting, other: Caching) -> None:
    house = await cached(FakeEngine("one", {digest("m"), digest("poet")}))
    assert await house.kinds(caching(), other, caching(), other) == ["miss", "miss", "hit", "hit"]


async def test_without_caching_the_engine_answers(cached: Starting) -> None:
    house = await cached()
    for _ in range(2):
        assert [chunk.cached for chunk in await house.ask(None)] == [None, None]
    assert len(house.engine.done) == 2


async def test_a_refresh_takes_nothing_and_replaces_it(cached: Starting) -> None:
    house = await cached()
    await house.ask(caching())
    house.engine.chunks = ("c", "d")
    refreshed = await house.ask(caching(refresh=True))
    assert [chunk.parcel for chunk in refreshed] == ["c", "d"]
    assert [chunk.parcel for chunk in await house.ask(caching())] == ["c", "d"]


async def test_kept_for_a_while(cached: Starting) -> None:
    house = await cached()
    await house.ask(caching())
    house.clock.now += 99
    assert await house.kinds(caching()) == ["hit"]
    house.clock.now += 2
    assert await house.kinds(caching()) == ["miss"]


async def test_what_did_not_come_to_its_end_is_not_kept(cached: Starting) -> None:
    house = await cached()
    house.parcels.broken = {"b"}
    assert await house.kinds(caching(), caching()) == ["miss", "miss"]


async def test_what_failed_is_not_kept(cached: Starting) -> None:
    house = await cached(FakeEngine("one", {digest("m")}, breaks_after=1))
    with pytest.raises(ColonnadeError):
        await house.ask(caching())
    house.engine.breaks_after = None
    assert await house.kinds(caching()) == ["miss"]


async def test_what_another_version_answered_is_not_kept(cached: Starting) -> None:
    house = await cached(FakeEngine("one", {digest("m"), digest("poet")}, errors=[Internal("a fault")]))
    asked = house.router.inference.generate(work(), [work("poet")], caching=caching())
    assert [chunk.fallback async for chunk in asked] == [1, 0]
    await house.answers.settled()
    assert await house.kinds(caching()) == ["miss"]


async def test_what_was_left_is_not_kept(cached: Starting) -> None:
    house = await cached()
    house.engine.submit_gate.clear()
    stream = house.stream(caching())
    begun = asyncio.create_task(anext(stream))
    await house.engine.entered.wait()
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)
    await stream.aclose()
    await house.answers.settled()
    assert house.engine.closed == 1
    house.engine.submit_gate.set()
    assert await house.kinds(caching()) == ["miss"]


async def test_what_is_too_large_is_not_kept(cached: Starting) -> None:
    house = await cached(FakeEngine("one", {digest("m")}, chunks=("a" * 6, "b" * 6)), entry_bytes=11)
    assert await house.kinds(caching(), caching()) == ["miss", "miss"]


async def test_several_answers_are_kept_when_all_have_ended(cached: Starting) -> None:
    house = await cached()
    assert await house.kinds(caching(answers=2), caching(answers=2)) == ["miss", "miss"]


async def test_purged_by_version_and_tenant(cached: Starting) -> None:
    house = await cached(FakeEngine("one", {digest("m"), digest("poet")}))
    mine, theirs, poet = caching(), caching(tenant="umbrella"), caching(model="poet")
    await house.kinds(mine, theirs, poet)
    assert await house.answers.purge(digest("m"), "acme") == 1
    assert await house.kinds(mine, theirs, poet) == ["miss", "hit", "hit"]
    assert await house.answers.purge(digest("m"), "") == 2
    assert await house.kinds(mine, theirs, poet) == ["miss", "miss", "hit"]
    assert await house.answers.purge("", "") == 3
    assert house.count("purged_total") == 6


async def test_what_is_being_generated_is_purged_as_well(cached: Starting) -> None:
    house = await cached()
    stream = house.stream(caching())
    await anext(stream)
    await house.answers.purge("", "")
    assert await house.kinds(caching()) == ["miss"], "what is purged is not joined either"
    await house.answers.purge("", "")
    assert [chunk.parcel async for chunk in stream] == ["b"]
    await house.answers.settled()
    assert await house.kinds(caching()) == ["miss"]


async def test_what_is_not_understood_is_a_miss(cached: Starting) -> None:
    house = await cached()
    await house.answers._store.put(caching().place, Kept(b"\xff", 0))
    assert await house.kinds(caching(), caching()) == ["miss", "hit"]


def near(text: str, group: str = "g", threshold: float = 0.9) -> Near:
    return Near(group.encode(), text, threshold)


async def test_the_same_question_in_other_words(cached: Starting) -> None:
    house = await cached()
    house.vectors |= {"one": (1, 0), "alike": (2, 0.5), "other": (0, 1)}
    first, alike, other = (caching(text, near=near(text)) for text in ("one", "alike", "other"))
    assert await house.kinds(first, alike, other, alike) == ["miss", "semantic", "miss", "semantic"]
    found = (await house.ask(alike))[0].cached
    assert found is not None
    assert found.similarity == pytest.approx(2 / 4.25**0.5)
    assert len(house.engine.done) == 2
    assert house.answers.figures().questions == 2


async def test_questions_of_other_groups_are_not_compared(cached: Starting) -> None:
    house = await cached()
    house.vectors |= {"one": (1, 0), "two": (1, 0)}
    asked = caching("1", near=near("one")), caching("2", near=near("two", group="h"))
    assert await house.kinds(*asked) == ["miss", "miss"]


async def test_a_question_goes_with_its_answer(cached: Starting) -> None:
    house = await cached()
    house.vectors |= {"one": (1, 0), "two": (1, 0)}
    one, two = caching("1", near=near("one")), caching("2", near=near("two"))
    await house.kinds(one)
    house.clock.now += 101
    assert await house.kinds(two) == ["miss"]
    assert await house.kinds(one) == ["semantic"]
    await house.answers.purge(digest("m"), "")
    assert house.answers.figures().questions == 0
    assert await house.kinds(one) == ["miss"]


async def test_without_an_embedding_the_engine_answers(cached: Starting) -> None:
    house = await cached()
    tried: list[str] = []

    async def away(text: str) -> tuple[str, list[float]]:
        tried.append(text)
        raise GONE

    assert house.answers._semantic is not None
    house.answers._semantic._embed = away
    asked = [caching(text, near=near(text)) for text in "abc"]
    assert await house.kinds(*asked) == ["miss"] * 3
    assert tried == ["a"], "an encoder that is away is not asked by everyone"
    house.clock.now += 6
    assert await house.kinds(caching("d", near=near("d"))) == ["miss"]
    assert tried == ["a", "d"]


async def test_a_question_that_is_too_long_to_embed_stops_nothing(cached: Starting) -> None:
    house = await cached()

    async def refused(text: str) -> tuple[str, list[float]]:
        raise InvalidArgument("too long", field="texts")

    assert house.answers._semantic is not None
    house.answers._semantic._embed = refused
    assert await house.kinds(caching("a", near=near("a")), caching("a", near=near("a"))) == ["miss", "hit"]


async def test_nothing_of_another_tenant_even_where_keys_are_equal(cached: Starting) -> None:
    house = await cached()
    await house.answers._store.put(Place("umbrella", digest("m"), b"k"), Kept(b"a|b", 0))
    assert await house.kinds(caching()) == ["miss"]
