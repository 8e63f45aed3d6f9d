"""A version that is in demand comes to more engines, and nobody waits for that."""

import asyncio

from colonnade.errors import TooLarge
from tests.unit.inference.conftest import Routing
from tests.unit.inference.fakes import FakeEngine, digest, work


def loaded(address: str, **more: object) -> FakeEngine:
    return FakeEngine(address, {digest("m")}, **more)  # type: ignore[arg-type]


async def test_another_engine_loads_what_is_in_demand_while_requests_go_on(routing: Routing) -> None:
    busy, idle = loaded("a", outstanding_tokens=60), FakeEngine("b")
    router = await routing(busy, idle, spread_tokens=50)
    idle.load_gate.clear()
    assert await router.texts(work()) == ["a", "b"]
    await idle.entered.wait()
    assert await router.texts(work()) == ["a", "b"]
    assert (len(busy.done), idle.loads) == (2, ["m"])
    idle.load_gate.set()
    await router.until(lambda: router.fleet.views[1].has(digest("m")))
    await router.texts(work())
    assert len(idle.done) == 1
    assert idle.loads == ["m"]


async def test_what_is_not_in_demand_stays_where_it_is(routing: Routing) -> None:
    idle = FakeEngine("c")
    router = await routing(loaded("a", outstanding_tokens=60), loaded("b"), idle, spread_tokens=50)
    await router.texts(work())
    await asyncio.sleep(0)
    assert idle.loads == []


async def test_an_engine_without_room_to_spare_loads_nothing(routing: Routing) -> None:
    idle = FakeEngine("b", free_bytes=19)
    router = await routing(loaded("a", outstanding_tokens=60), idle, spread_tokens=50)
    await router.texts(work())
    await router.heard()
    assert idle.loads == []


async def test_it_can_be_off(routing: Routing) -> None:
    idle = FakeEngine("b")
    router = await routing(loaded("a", outstanding_tokens=10**6), idle, spread_tokens=0)
    await router.texts(work())
    await router.heard()
    assert idle.loads == []


async def test_a_load_that_fails_harms_nobody(routing: Routing) -> None:
    idle = FakeEngine("b", load_errors=[TooLarge("does not fit")])
    router = await routing(loaded("a", outstanding_tokens=60), idle, spread_tokens=50)
    assert await router.texts(work()) == ["a", "b"]
    await router.until(lambda: idle.loads == ["m"])
    for _ in range(3):
        assert await router.texts(work()) == ["a", "b"]
        await router.heard()
    assert idle.loads == ["m"]  # this process is not asked again
