"""What callers get, whatever becomes of the engines."""

import asyncio

import pytest

from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unavailable,
)
from colonnade.inference.domain import Loaded, Ref
from tests.unit.inference.conftest import Routing
from tests.unit.inference.fakes import EVICTED, GONE, FakeEngine, FakeRegistry, digest, manifest, work


def loaded(address: str, **more: object) -> FakeEngine:
    return FakeEngine(address, {digest("m")}, **more)  # type: ignore[arg-type]


async def test_chunks_pass_through_as_they_are(routing: Routing) -> None:
    router = await routing(loaded("a", chunks=("x", "y", "z")))
    chunks = [chunk async for chunk in router.inference.generate(work())]
    assert [(chunk.parcel, chunk.last) for chunk in chunks] == [("x", False), ("y", False), ("z", True)]
    assert router.count("requests_total", operation="generate", outcome="ok") == 1
    assert router.count("in_flight_requests") == 0


async def test_the_least_busy_engine_that_has_the_version_answers(routing: Routing) -> None:
    engines = [loaded("a", outstanding_tokens=9), loaded("b", outstanding_tokens=3), FakeEngine("c")]
    router = await routing(*engines)
    await router.texts(work())
    assert [len(engine.done) for engine in engines] == [0, 1, 0]


async def test_requests_under_way_count_before_the_engine_reports_them(routing: Routing) -> None:
    engines = [loaded("a"), loaded("b")]
    router = await routing(*engines)
    for engine in engines:
        engine.submit_gate.clear()
    running = [asyncio.create_task(router.texts(work())) for _ in range(6)]
    await asyncio.gather(*(engine.entered.wait() for engine in engines))
    for engine in engines:
        engine.submit_gate.set()
    await asyncio.gather(*running)
    assert [len(engine.done) for engine in engines] == [3, 3]


async def test_an_unloaded_version_goes_where_most_memory_is_free(routing: Routing) -> None:
    small, large = FakeEngine("a", free_bytes=5), FakeEngine("b", free_bytes=50)
    router = await routing(small, large)
    assert await router.texts(work()) == ["a", "b"]
    assert (small.loads, large.loads) == ([], ["m"])
    assert router.count("load_seconds_count", outcome="ok") == 1


async def test_a_version_is_loaded_once_however_many_ask(routing: Routing) -> None:
    engines = [FakeEngine("a"), FakeEngine("b")]
    router = await routing(*engines)
    for engine in engines:
        engine.load_gate.clear()
    running = [asyncio.create_task(router.texts(work())) for _ in range(20)]
    await asyncio.wait(
        [asyncio.create_task(e.entered.wait()) for e in engines], return_when="FIRST_COMPLETED"
    )
    for engine in engines:
        engine.load_gate.set()
    assert await asyncio.gather(*running) == [["a", "b"]] * 20
    assert engines[0].loads + engines[1].loads == ["m"]


async def test_a_failed_load_fails_all_who_waited_and_is_tried_again_by_the_next(routing: Routing) -> None:
    engine = FakeEngine("a", load_errors=[TooLarge("does not fit")])
    router = await routing(engine)
    engine.load_gate.clear()
    running = [asyncio.create_task(router.texts(work())) for _ in range(3)]
    await engine.entered.wait()
    engine.load_gate.set()
    results = await asyncio.gather(*running, return_exceptions=True)
    assert [type(result) for result in results] == [TooLarge] * 3
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m", "m"]
    assert router.count("load_seconds_count", outcome="too_large") == 1


async def test_a_load_goes_on_when_the_one_who_asked_has_left(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    engine.load_gate.clear()
    running = asyncio.create_task(router.texts(work()))
    await engine.entered.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert router.count("requests_total", operation="generate", outcome="cancelled") == 1
    engine.load_gate.set()
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m"]


async def test_another_engine_answers_where_the_first_is_gone(routing: Routing) -> None:
    gone, there = loaded("a"), loaded("b", outstanding_tokens=5)
    router = await routing(gone, there)
    gone.down = True
    assert await router.texts(work()) == ["a", "b"]
    assert len(there.done) == 1
    assert not router.fleet.views[0].ready
    assert router.count("retries_total", reason="engine_gone") == 1


async def test_another_engine_loads_where_the_first_dies_of_it(routing: Routing) -> None:
    first, second = FakeEngine("a", free_bytes=200, load_errors=[Unavailable("died")]), FakeEngine("b")
    router = await routing(first, second)
    assert await router.texts(work()) == ["a", "b"]
    assert (first.loads, second.loads) == (["m"], ["m"])


async def test_once_something_came_there_is_no_second_try(routing: Routing) -> None:
    breaking, other = loaded("a", breaks_after=1), loaded("b", outstanding_tokens=5)
    router = await routing(breaking, other)
    chunks = router.inference.generate(work())
    assert (await anext(chunks)).parcel == "a"
    with pytest.raises(Unavailable, match="before the answer was complete"):
        await anext(chunks)
    assert other.done == []
    assert not router.fleet.views[0].ready
    assert router.count("requests_total", operation="generate", outcome="unavailable") == 1


@pytest.mark.parametrize(
    "error", [InvalidArgument("bad"), TooLarge("big"), Conflict("no"), NotFound("no", field="adapter")]
)
async def test_a_refusal_is_final(routing: Routing, error: ColonnadeError) -> None:
    refusing, other = loaded("a", errors=[error]), loaded("b", outstanding_tokens=5)
    router = await routing(refusing, other)
    with pytest.raises(type(error)) as refused:
        await router.texts(work())
    assert refused.value is error
    assert other.done == []
    assert router.count("requests_total", operation="generate", outcome=error.code.value) == 1


@pytest.mark.parametrize("retries", [0, 1, 2])
async def test_tries_are_counted(routing: Routing, retries: int) -> None:
    engines = [loaded(name) for name in "abcd"]
    router = await routing(*engines, retries=retries)
    for engine in engines:
        engine.down = True
    with pytest.raises(Unavailable):
        await router.texts(work())
    assert router.count("retries_total", reason="engine_gone") == retries


async def test_the_only_engine_answers_once_it_has_started_again(routing: Routing) -> None:
    engine = loaded("a", errors=[GONE])
    router = await routing(engine)
    engine.restart("second")
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m"]


async def test_the_same_process_is_not_asked_twice(routing: Routing) -> None:
    engine = loaded("a", errors=[GONE, GONE])
    router = await routing(engine, wait_seconds=0.05)
    with pytest.raises(Unavailable, match="no engine is ready"):
        await router.texts(work())
    assert engine.errors == [GONE]


async def test_a_version_that_was_pushed_out_is_loaded_again_once(routing: Routing) -> None:
    engine = loaded("a", errors=[EVICTED])
    router = await routing(engine)
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m"]
    assert router.count("retries_total", reason="version_gone") == 1
    engine.errors = [EVICTED, EVICTED]
    with pytest.raises(NotFound):
        await router.texts(work())


async def test_closing_the_iterator_closes_the_engines(routing: Routing) -> None:
    engine = loaded("a")
    router = await routing(engine)
    chunks = router.inference.generate(work(tokens=50))
    await anext(chunks)
    assert router.fleet.views[0].outstanding_tokens == 50
    await chunks.aclose()
    assert engine.closed == 1
    assert router.fleet.views[0].outstanding_tokens == 0
    assert router.count("in_flight_requests") == 0
    assert router.count("requests_total", operation="generate", outcome="cancelled") == 1


async def test_cancelling_the_task_closes_the_engines(routing: Routing) -> None:
    engine = loaded("a")
    router = await routing(engine)
    engine.submit_gate.clear()
    running = asyncio.create_task(router.texts(work()))
    await engine.entered.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert engine.closed == 1
    assert router.fleet.views[0].outstanding_tokens == 0


async def test_without_an_engine_it_says_when_to_come_back(routing: Routing) -> None:
    router = await routing(FakeEngine("a", down=True), wait_seconds=0)
    with pytest.raises(Unavailable, match="no engine is ready") as refused:
        await router.texts(work())
    assert refused.value.details["retry_after_seconds"] > 0


async def test_a_request_waits_for_an_engine_that_starts(routing: Routing) -> None:
    engine = FakeEngine("a", down=True)
    router = await routing(engine)
    running = asyncio.create_task(router.texts(work()))
    engine.down = False
    assert await running == ["a", "b"]


async def test_the_registry_is_asked_once_for_a_version(routing: Routing) -> None:
    first, second = FakeEngine("a"), FakeEngine("b")
    router = await routing(first, second)
    await router.texts(work())
    router.registry.down = True
    first.down = True
    router.fleet.poke()
    await router.fleet.until(lambda: not router.fleet.views[0].ready)
    assert await router.texts(work()) == ["a", "b"]
    assert second.loads == ["m"]
    assert router.registry.asked == [digest("m")]


async def test_what_is_loaded_needs_no_registry(routing: Routing) -> None:
    router = await routing(loaded("a"), registry=FakeRegistry(down=True))
    assert await router.texts(work()) == ["a", "b"]


async def test_a_registry_away_is_not_held_against_the_engine(routing: Routing) -> None:
    router = await routing(FakeEngine("a"), registry=FakeRegistry(down=True))
    with pytest.raises(Unavailable, match="registry"):
        await router.texts(work())
    assert router.fleet.views[0].ready


async def test_kept_manifests_are_bounded_and_the_oldest_leaves(routing: Routing) -> None:
    registry = FakeRegistry({digest(name): manifest(name) for name in "abc"})
    router = await routing(FakeEngine("e"), registry=registry, capacity=2)
    for name in ("a", "b", "a", "c", "a", "b"):
        await router.placement.manifests.get(Ref(digest(name)))
    assert registry.asked == [digest(name) for name in ("a", "b", "c", "b")]


async def test_an_unknown_version_is_not_found(routing: Routing) -> None:
    router = await routing(FakeEngine("a"))
    with pytest.raises(NotFound, match="no such version"):
        await router.texts(work("unknown"))
    assert router.fleet.views[0].ready


async def test_more_requests_than_allowed_are_refused_and_room_comes_back(routing: Routing) -> None:
    engine = loaded("a")
    router = await routing(engine, max_in_flight=2)
    engine.submit_gate.clear()
    running = [asyncio.create_task(router.texts(work())) for _ in range(2)]
    await engine.entered.wait()
    with pytest.raises(Overloaded) as refused:
        await router.texts(work())
    assert refused.value.details == {"limit": 2, "retry_after_seconds": 1}
    assert router.count("in_flight_requests") == 2
    engine.submit_gate.set()
    await asyncio.gather(*running)
    assert await router.texts(work()) == ["a", "b"]


async def test_scoring_and_embedding_go_the_same_way(routing: Routing) -> None:
    gone, there = loaded("a"), FakeEngine("b")
    router = await routing(gone, there)
    gone.down = True
    assert await router.inference.score(work()) == "score of m"
    assert await router.inference.embed(work()) == "embedding of m"
    assert there.loads == ["m"]
    assert router.count("requests_total", operation="score", outcome="ok") == 1
    assert router.count("requests_total", operation="embed", outcome="ok") == 1


async def test_preparing_loads_and_says_where(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    for _ in range(2):
        prepared = await router.inference.prepare(work())
        assert prepared.run == ("a", "first")
        assert prepared.loaded == Loaded(digest("m"), "parcel")
    assert engine.loads == ["m"]


async def test_closing_gives_up_loads_under_way(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    engine.load_gate.clear()
    running = asyncio.create_task(router.inference.prepare(work()))
    await engine.entered.wait()
    await router.placement.loads.close()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert engine.loaded == set()
