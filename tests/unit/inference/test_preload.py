"""When the service calls itself ready, and what it has loaded by then."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from colonnade.errors import Overloaded, Unsupported
from colonnade.inference.preload import Preloader
from tests.unit.inference.conftest import NEVER, Router, Routing
from tests.unit.inference.fakes import FakeEngine, FakeRegistry, digest, manifest, work


class Watched(Preloader):
    """Tells of its readiness through a condition."""

    def __init__(self, router: Router) -> None:
        super().__init__(router.registry, router.inference, router.fleet, self._told, interval=NEVER)
        self.told: list[bool] = []
        self._news = asyncio.Condition()

    async def _told(self, ready: bool) -> None:
        async with self._news:
            self.told.append(ready)
            self._news.notify_all()

    async def until(self, *told: bool) -> None:
        async with self._news:
            await self._news.wait_for(lambda: self.told == list(told))


Preloading = Callable[..., Awaitable[tuple[Router, Watched]]]


@pytest.fixture
async def preloading(routing: Routing) -> AsyncIterator[Preloading]:
    tasks: list[asyncio.Task[None]] = []

    async def start(*engines: FakeEngine, registry: FakeRegistry, **options: Any) -> tuple[Router, Watched]:
        router = await routing(*engines, registry=registry, **options)
        preloader = Watched(router)
        tasks.append(asyncio.create_task(preloader.run()))
        return router, preloader

    yield start
    for task in tasks:
        assert not task.done()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def chosen(name: str = "m") -> FakeRegistry:
    return FakeRegistry({digest(n): manifest(n) for n in ("m", "n")}, chosen=manifest(name))


async def test_the_default_is_loaded_before_the_service_is_ready(preloading: Preloading) -> None:
    engine = FakeEngine("a")
    engine.load_gate.clear()
    _, preloader = await preloading(engine, registry=chosen())
    await engine.entered.wait()
    assert preloader.told == []
    engine.load_gate.set()
    await preloader.until(True)
    assert engine.loads == ["m"]


async def test_without_any_model_an_engine_is_enough(preloading: Preloading) -> None:
    _, preloader = await preloading(FakeEngine("a"), registry=FakeRegistry())
    await preloader.until(True)


async def test_the_registry_must_have_answered_once(preloading: Preloading) -> None:
    registry = FakeRegistry(down=True)
    _, preloader = await preloading(FakeEngine("a"), registry=registry)
    assert preloader.told == []
    registry.down = False
    preloader.wake.set()
    await preloader.until(True)


async def test_a_registry_that_goes_later_takes_nothing_away(preloading: Preloading) -> None:
    registry = chosen()
    router, preloader = await preloading(FakeEngine("a"), registry=registry)
    await preloader.until(True)
    registry.down = True
    preloader.wake.set()
    await router.heard()
    assert await router.texts(work()) == ["a", "b"]
    assert preloader.told == [True]


async def test_ready_follows_the_engines(preloading: Preloading) -> None:
    engine = FakeEngine("a", down=True)
    router, preloader = await preloading(engine, registry=chosen())
    engine.down = False
    await preloader.until(True)
    engine.down = True
    router.fleet.poke()
    await preloader.until(True, False)
    engine.restart("second")
    engine.down = False
    await preloader.until(True, False, True)
    assert engine.loads == ["m", "m"]


async def test_a_new_default_is_loaded_ahead(preloading: Preloading) -> None:
    engine = FakeEngine("a")
    router, preloader = await preloading(engine, registry=chosen())
    await preloader.until(True)
    router.registry.chosen = manifest("n")
    preloader.wake.set()
    await router.until(lambda: "n" in engine.loads)
    assert engine.loads == ["m", "n"]


async def test_a_first_model_is_loaded_when_it_comes(preloading: Preloading) -> None:
    engine = FakeEngine("a")
    router, preloader = await preloading(engine, registry=FakeRegistry())
    await preloader.until(True)
    router.registry.chosen = manifest("m")
    preloader.wake.set()
    await router.until(lambda: "m" in engine.loads)


async def test_a_default_that_others_pushed_out_is_not_fetched_back(preloading: Preloading) -> None:
    engine = FakeEngine("a")
    router, preloader = await preloading(engine, registry=chosen())
    await preloader.until(True)
    engine.loaded = {digest("n")}
    await router.heard()
    await router.heard()
    assert engine.loads == ["m"]
    assert preloader.told == [True]


async def test_a_default_that_is_refused_for_good_does_not_hold_the_others_up(preloading: Preloading) -> None:
    engine = FakeEngine("a", load_errors=[Unsupported("unknown family")])
    router, preloader = await preloading(engine, registry=chosen())
    await preloader.until(True)
    await router.heard()
    assert engine.loads == ["m"]


async def test_a_default_that_is_refused_for_now_is_tried_again(preloading: Preloading) -> None:
    engine = FakeEngine("a", load_errors=[Overloaded("busy")])
    engine.load_gate.clear()
    router, preloader = await preloading(engine, registry=chosen())
    await engine.entered.wait()
    engine.load_gate.set()
    await router.until(lambda: len(engine.loads) == 2)
    await preloader.until(True)
