"""Copies of requests: they cost the caller nothing, whatever becomes of them."""

import asyncio

from colonnade.errors import Internal
from colonnade.inference.domain import Work
from tests.unit.inference.conftest import Router, Routing
from tests.unit.inference.fakes import FakeEngine, digest, work


def loaded(address: str, *names: str, **more: object) -> FakeEngine:
    return FakeEngine(address, {digest(name) for name in names}, **more)  # type: ignore[arg-type]


async def _texts(router: Router, copy: Work | None = None) -> list[str]:
    copy = copy or work("poet", request_id="shadow-r")
    return [chunk.parcel async for chunk in router.inference.generate(work(), (), copy)]


async def test_a_copy_is_compared_and_thrown_away(routing: Routing) -> None:
    engine = loaded("a", "m", "poet")
    router = await routing(engine)
    assert await _texts(router) == ["a", "b"]
    await router.inference.shadows.settled()
    assert sorted(done.digest for done in engine.done) == sorted([digest("m"), digest("poet")])
    assert router.count("shadow_copies_total", outcome="ok") == 1
    assert router.count("shadow_answers_total", agree="yes") == 1
    assert router.count("shadow_seconds_count") == 1


async def test_another_text_does_not_agree_though_it_came_in_other_pieces(routing: Routing) -> None:
    mine, other = loaded("a", "m", chunks=("x", "yz")), loaded("b", "poet", chunks=("xy", "z"))
    router = await routing(mine, other)
    await _texts(router)
    await router.inference.shadows.settled()
    other.chunks = ("xy",)
    await _texts(router)
    await router.inference.shadows.settled()
    assert router.count("shadow_answers_total", agree="yes") == 1
    assert router.count("shadow_answers_total", agree="no") == 1


async def test_nobody_waits_for_a_copy_and_further_ones_are_dropped(routing: Routing) -> None:
    mine, slow = loaded("a", "m"), loaded("b", "poet")
    router = await routing(mine, slow, max_shadows=2)
    slow.submit_gate.clear()
    for _ in range(4):
        assert await _texts(router) == ["a", "b"]
    assert router.count("shadow_copies_total", outcome="busy") == 2
    slow.submit_gate.set()
    await router.inference.shadows.settled()
    assert router.count("shadow_copies_total", outcome="ok") == 2
    assert len(mine.done) == 4


async def test_a_copy_that_fails_is_counted_and_not_tried_again(routing: Routing) -> None:
    mine, failing, third = loaded("a", "m"), loaded("b", "poet"), loaded("c", "poet", outstanding_tokens=9)
    router = await routing(mine, failing, third)
    failing.errors = [Internal("bug")]
    assert await _texts(router) == ["a", "b"]
    await router.inference.shadows.settled()
    assert router.count("shadow_copies_total", outcome="internal") == 1
    assert third.done == []
    assert router.count("requests_total", operation="generate", outcome="ok") == 1


async def test_a_copy_pushes_no_version_out_of_memory(routing: Routing) -> None:
    engine = loaded("a", "m", free_bytes=19)
    router = await routing(engine)
    assert await _texts(router) == ["a", "b"]
    await router.inference.shadows.settled()
    assert router.count("shadow_copies_total", outcome="not_loaded") == 1
    assert engine.loads == []
    engine.free_bytes = 20  # twice the size of the version
    await router.heard()
    await _texts(router)
    await router.inference.shadows.settled()
    assert engine.loads == ["poet"]


async def test_an_answer_that_never_ended_is_compared_with_nothing(routing: Routing) -> None:
    engine = loaded("a", "m", "poet")
    router = await routing(engine)
    chunks = router.inference.generate(work(), (), work("poet"))
    await anext(chunks)
    await chunks.aclose()
    await router.inference.shadows.settled()
    assert router.count("shadow_copies_total", outcome="ok") == 1
    assert router.count("shadow_answers_total", agree="yes") == 0
    assert router.count("shadow_answers_total", agree="no") == 0


async def test_a_copy_of_an_unknown_version_harms_nobody(routing: Routing) -> None:
    router = await routing(loaded("a", "m"))
    assert await _texts(router, work("unknown")) == ["a", "b"]
    await router.inference.shadows.settled()
    assert router.count("shadow_copies_total", outcome="not_found") == 1


async def test_closing_gives_copies_up(routing: Routing) -> None:
    engine = loaded("b", "poet")
    router = await routing(loaded("a", "m"), engine)
    engine.submit_gate.clear()
    await _texts(router)
    await engine.entered.wait()
    closing = asyncio.create_task(router.inference.shadows.close())
    await closing
    assert engine.closed == 1
    assert router.count("shadow_copies_total", outcome="cancelled") == 1
