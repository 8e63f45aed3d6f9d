"""Adapters on their way into engines: on demand, once, and again where one was dropped."""

import asyncio

import pytest

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound, Overloaded
from colonnade.inference.domain import Work, adapter_is_gone
from tests.unit.inference.conftest import Routing
from tests.unit.inference.fakes import EVICTED, GONE, UNADAPTED, FakeEngine, FakeRegistry, digest, work


async def test_version_and_adapter_are_loaded_when_they_are_wanted(routing: Routing) -> None:
    engine = FakeEngine("a")
    router = await routing(engine)
    assert await router.texts(work(adapter="poet")) == ["a", "b"]
    assert engine.loads == ["m", "poet"]
    assert await router.texts(work(adapter="poet")) == ["a", "b"]
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m", "poet"]


async def test_one_that_is_there_needs_no_registry(routing: Routing) -> None:
    engine = FakeEngine("a", {digest("m")}, adapters={digest("poet")})
    registry = FakeRegistry(down=True)
    router = await routing(engine, registry=registry)
    assert await router.texts(work(adapter="poet")) == ["a", "b"]
    assert registry.asked == []


async def test_an_adapter_is_loaded_once_however_many_ask(routing: Routing) -> None:
    engine = FakeEngine("a", {digest("m")})
    router = await routing(engine)
    engine.load_gate.clear()
    running = [asyncio.create_task(router.texts(work(adapter="poet"))) for _ in range(9)]
    await engine.entered.wait()
    engine.load_gate.set()
    assert await asyncio.gather(*running) == [["a", "b"]] * 9
    assert engine.loads == ["poet"]


async def test_one_that_the_engine_dropped_is_loaded_again(routing: Routing) -> None:
    engine = FakeEngine("a", {digest("m")}, adapters={digest("poet")})
    router = await routing(engine)
    engine.adapters.clear()
    assert await router.texts(work(adapter="poet")) == ["a", "b"]
    assert engine.loads == ["poet"]
    assert router.count("retries_total", reason="adapter_gone") == 1


async def test_a_version_that_was_dropped_comes_back_with_its_adapter(routing: Routing) -> None:
    engine = FakeEngine("a", {digest("m")}, adapters={digest("poet")})
    router = await routing(engine)
    engine.restart("first")  # as after an eviction: the same process without the version
    assert await router.texts(work(adapter="poet")) == ["a", "b"]
    assert engine.loads == ["m", "poet"]


@pytest.mark.parametrize("error", [UNADAPTED, EVICTED])
async def test_an_engine_that_drops_again_and_again_is_not_asked_for_ever(
    routing: Routing, error: ColonnadeError
) -> None:
    engine = FakeEngine("a", {digest("m")}, adapters={digest("poet")}, errors=[error] * 9)
    router = await routing(engine)
    with pytest.raises(NotFound):
        await router.texts(work(adapter="poet"))
    assert len(engine.errors) == 7


async def test_another_engine_loads_it_where_one_is_gone(routing: Routing) -> None:
    first = FakeEngine("a", {digest("m")}, adapters={digest("poet")}, errors=[GONE])
    second = FakeEngine("b", {digest("m")}, outstanding_tokens=5)
    router = await routing(first, second)
    assert await router.texts(work(adapter="poet")) == ["a", "b"]
    assert second.loads == ["poet"]


@pytest.mark.parametrize("error", [Conflict("another model's"), Overloaded("no room")])
async def test_a_refused_load_is_the_callers_to_hear(routing: Routing, error: ColonnadeError) -> None:
    engine = FakeEngine("a", {digest("m")}, load_errors=[error])
    router = await routing(engine)
    with pytest.raises(type(error)):
        await router.texts(work(adapter="poet"))
    assert engine.done == []
    assert await router.texts(work()) == ["a", "b"]


def test_an_adapter_is_named_by_its_digest() -> None:
    with pytest.raises(InvalidArgument) as refused:
        Work(digest("m"), adapter="poet")
    assert refused.value.details["field"] == "model.adapter"


def test_only_the_engines_own_word_means_that_it_is_gone() -> None:
    assert adapter_is_gone(UNADAPTED)
    assert not adapter_is_gone(EVICTED)
    assert not adapter_is_gone(NotFound("no such version", field="digest"))
