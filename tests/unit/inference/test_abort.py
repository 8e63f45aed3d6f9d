"""Generations that are ended from elsewhere, wherever they are by then."""

import asyncio

from tests.unit.inference.conftest import Router, Routing
from tests.unit.inference.fakes import GONE, FakeEngine, digest, work


def loaded(address: str, **more: object) -> FakeEngine:
    return FakeEngine(address, {digest("m")}, **more)  # type: ignore[arg-type]


def _asked(router: Router, request_id: str = "r", **more: str) -> "asyncio.Task[list[str]]":
    return asyncio.create_task(router.texts(work(request_id=request_id, **more)))  # type: ignore[arg-type]


async def test_a_stream_ends_with_what_the_engine_says_of_its_end(routing: Routing) -> None:
    engine = loaded("a")
    router = await routing(engine)
    engine.submit_gate.clear()
    running = _asked(router)
    await engine.entered.wait()
    assert await router.inference.abort("acme", "r")
    assert await running == ["cancelled"]
    assert engine.aborts == ["r"]
    assert not await router.inference.abort("acme", "r")
    assert router.count("aborts_total", found="yes") == 1
    assert router.count("aborts_total", found="no") == 1


async def test_nobody_reaches_the_requests_of_another_tenant(routing: Routing) -> None:
    engine = loaded("a")
    router = await routing(engine)
    engine.submit_gate.clear()
    running = _asked(router)
    await engine.entered.wait()
    assert not await router.inference.abort("other", "r")
    assert not await router.inference.abort("acme", "another")
    assert engine.aborts == []
    engine.submit_gate.set()
    assert await running == ["a", "b"]


async def test_an_engine_that_does_not_know_it_yet_is_asked_again(routing: Routing) -> None:
    engine = loaded("a", knows_aborts=[False, False, True])
    router = await routing(engine)
    engine.submit_gate.clear()
    running = _asked(router)
    await engine.entered.wait()
    assert await router.inference.abort("acme", "r")
    assert engine.aborts == ["r", "r", "r"]
    assert await running == ["cancelled"]


async def test_one_that_waits_for_an_engine_ends_at_once(routing: Routing) -> None:
    router = await routing(FakeEngine("a", down=True))
    running = _asked(router)
    await asyncio.sleep(0)
    assert await router.inference.abort("acme", "r")
    assert await running == [None]
    assert router.count("requests_total", operation="generate", outcome="ok") == 1


async def test_one_that_waits_for_a_load_ends_at_once_and_the_load_goes_on(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    engine.load_gate.clear()
    running = _asked(router)
    await engine.entered.wait()
    assert await router.inference.abort("acme", "r")
    assert await running == [None]
    assert engine.done == []
    engine.load_gate.set()
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m"]


async def test_one_whose_engine_dies_of_it_goes_to_no_other(routing: Routing) -> None:
    engine, other = loaded("a", dies_aborting=True), loaded("b", outstanding_tokens=5)
    router = await routing(engine, other)
    engine.submit_gate.clear()
    running = _asked(router)
    await engine.entered.wait()
    assert await router.inference.abort("acme", "r")
    assert await running == [None]
    assert other.done == []


async def test_all_of_one_name_end_and_a_nameless_one_cannot(routing: Routing) -> None:
    engine = loaded("a", knows_aborts=[True, True])
    router = await routing(engine)
    engine.submit_gate.clear()
    running = [_asked(router), _asked(router)]
    await engine.entered.wait()
    assert not await router.inference.abort("acme", "")
    assert await router.inference.abort("acme", "r")
    assert await asyncio.gather(*running) == [["cancelled"], ["cancelled"]]


async def test_an_engine_that_is_gone_is_no_error_for_the_one_who_aborts(routing: Routing) -> None:
    engine = loaded("a")
    router = await routing(engine)
    engine.submit_gate.clear()
    running = _asked(router)
    await engine.entered.wait()
    engine.down = True
    assert await router.inference.abort("acme", "r")
    engine.errors = [GONE]
    engine.submit_gate.set()
    await running
