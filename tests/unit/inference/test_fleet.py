"""What is known of the engines, and when it is forgotten."""

import asyncio

from colonnade.errors import DeadlineExceeded, Unauthenticated
from tests.unit.inference.conftest import Routing
from tests.unit.inference.fakes import FakeEngine, digest, work


async def test_engines_are_known_once_they_answer(routing: Routing) -> None:
    router = await routing(FakeEngine("a", {digest("m")}), FakeEngine("b", down=True))
    up, down = router.inference.engines()
    assert (up.address, up.ready, up.has(digest("m"))) == ("a", True, True)
    assert (down.address, down.ready, down.stats) == ("b", False, None)
    assert router.count("engine_up", engine="a") == 1
    assert router.count("engine_up", engine="b") == 0


async def test_an_engine_that_comes_up_is_found(routing: Routing) -> None:
    engine = FakeEngine("a", down=True)
    router = await routing(engine)
    engine.down = False
    await router.fleet.until(lambda: router.fleet.views[0].ready)
    assert router.count("engine_up", engine="a") == 1


async def test_an_engine_that_goes_is_lost(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    engine.down = True
    router.fleet.poke()
    await router.fleet.until(lambda: not router.fleet.views[0].ready)


async def test_what_had_to_be_loaded_is_forgotten_when_the_engine_starts_again(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    await router.texts(work())
    engine.restart("second")
    await router.heard()
    assert not router.fleet.views[0].has(digest("m"))
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m", "m"]


async def test_a_late_answer_is_forgiven_until_it_is_the_third(routing: Routing) -> None:
    late = DeadlineExceeded("late")
    engine = FakeEngine("a")
    router = await routing(engine, max_backoff=0)
    engine.stats_errors = [late, late]
    router.fleet.poke()
    asked = engine.asked
    seen: list[bool] = []

    def third() -> bool:
        seen.append(router.fleet.views[0].ready)
        return engine.asked >= asked + 3

    await router.fleet.until(third)
    assert all(seen)
    engine.stats_errors = [late, late, late, late]
    router.fleet.poke()
    await router.fleet.until(lambda: not router.fleet.views[0].ready)


async def test_an_engine_that_refuses_us_or_talks_nonsense_is_not_ready_but_still_watched(
    routing: Routing,
) -> None:
    engine = FakeEngine("a", stats_errors=[Unauthenticated("who?"), ValueError("nonsense")])
    router = await routing(engine)
    assert not router.fleet.views[0].ready
    await router.fleet.until(lambda: router.fleet.views[0].ready)


async def test_a_draining_engine_gets_nothing_new(routing: Routing) -> None:
    leaving, staying = FakeEngine("a", {digest("m")}, draining=True), FakeEngine("b")
    router = await routing(leaving, staying)
    await router.texts(work())
    assert leaving.done == []
    assert len(staying.done) == 1


async def test_a_load_that_ends_while_the_engine_is_asked_is_not_forgotten(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    engine.stats_gate.clear()
    router.fleet.poke()
    await engine.entered.wait()  # the answer was made before the load
    await router.texts(work())
    engine.stats_gate.set()
    news = router.fleet.news
    await router.fleet.changed(news)
    assert router.fleet.views[0].has(digest("m"))


async def test_a_version_that_was_missed_while_the_engine_is_asked_stays_missed(routing: Routing) -> None:
    engine = FakeEngine("a", {digest("m")})
    router = await routing(engine)
    engine.stats_gate.clear()
    router.fleet.poke()
    await engine.entered.wait()
    router.fleet.slots[0].has_dropped(digest("m"))
    news = router.fleet.news
    engine.stats_gate.set()
    await router.fleet.changed(news)
    assert not router.fleet.views[0].has(digest("m"))


async def test_the_busy_count_is_ours_and_what_others_asked(routing: Routing) -> None:
    engine = FakeEngine("a", {digest("m")}, outstanding_tokens=7)
    router = await routing(engine)
    assert router.fleet.views[0].outstanding_tokens == 7
    engine.submit_gate.clear()
    running = asyncio.create_task(router.texts(work(tokens=30)))
    await engine.entered.wait()
    assert router.fleet.views[0].outstanding_tokens == 37
    engine.outstanding_tokens = 35
    await router.heard()
    assert router.fleet.views[0].outstanding_tokens == 35
    engine.submit_gate.set()
    await running
    assert router.fleet.views[0].outstanding_tokens == 5
