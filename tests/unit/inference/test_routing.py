"""Where requests go when engines are full, fail, or know how a prompt begins."""

import asyncio

import pytest

from colonnade.errors import (
    ColonnadeError,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    Overloaded,
    Unavailable,
    Unsupported,
)
from colonnade.inference.domain.health import HealthLimits
from colonnade.inference.domain.retries import RetryLimits
from tests.unit.inference.conftest import Routing
from tests.unit.inference.fakes import GONE, FakeEngine, digest, work

FULL = Overloaded("the queue is full", retry_after_seconds=3)
PROMPT = "Once upon a time " * 40


def loaded(address: str, *names: str, **more: object) -> FakeEngine:
    return FakeEngine(address, {digest(name) for name in names or ("m",)}, **more)  # type: ignore[arg-type]


async def test_what_one_engine_has_no_room_for_goes_to_another(routing: Routing) -> None:
    full, other = loaded("a", errors=[FULL]), loaded("b", outstanding_tokens=5)
    router = await routing(full, other)
    assert await router.texts(work()) == ["a", "b"]
    assert len(other.done) == 1
    assert router.count("retries_total", reason="engine_full") == 1
    assert router.fleet.views[0].ready


async def test_where_all_are_full_it_is_said_at_once(routing: Routing) -> None:
    engines = [loaded("a", errors=[FULL]), loaded("b", errors=[FULL])]
    router = await routing(*engines)
    with pytest.raises(Overloaded) as refused:
        await router.texts(work())
    assert refused.value.details["retry_after_seconds"] == 3
    assert [engine.errors for engine in engines] == [[], []]


async def test_no_engine_loads_a_version_because_another_is_full(routing: Routing) -> None:
    full, empty = loaded("a", errors=[FULL]), FakeEngine("b", free_bytes=1000)
    router = await routing(full, empty)
    with pytest.raises(Overloaded):
        await router.texts(work())
    assert empty.loads == []


async def test_a_version_of_a_family_that_an_engine_does_not_know_goes_to_another(routing: Routing) -> None:
    alien = Unsupported("this engine serves transformers", field="manifest.family")
    picky, other = FakeEngine("a", free_bytes=1000, load_errors=[alien]), FakeEngine("b")
    router = await routing(picky, other)
    assert await router.texts(work()) == ["a", "b"]
    assert other.loads == ["m"]
    assert router.count("retries_total", reason="engine_cannot") == 1


async def test_where_no_engine_knows_the_family_its_refusal_is_told(routing: Routing) -> None:
    alien = Unsupported("this engine serves transformers", field="manifest.family")
    router = await routing(*(FakeEngine(name, load_errors=[alien]) for name in "ab"))
    with pytest.raises(Unsupported):
        await router.texts(work())


async def test_retries_stop_where_too_many_were(routing: Routing) -> None:
    engines = [loaded("a", errors=[FULL] * 9), loaded("b", outstanding_tokens=5)]
    router = await routing(*engines, budget=RetryLimits(share=0, least=2))
    for _ in range(2):
        assert await router.texts(work()) == ["a", "b"]
    with pytest.raises(Overloaded):
        await router.texts(work())
    assert router.count("unretried_requests_total") == 1


async def test_a_version_that_fails_on_one_engine_is_sent_to_the_other(routing: Routing) -> None:
    failing, other = loaded("a", errors=[Internal("bug")] * 9), loaded("b", outstanding_tokens=500)
    router = await routing(failing, other, health=HealthLimits(breaker_failures=3, breaker_seconds=300))
    for _ in range(3):
        with pytest.raises(Internal):
            await router.texts(work())
    assert await router.texts(work()) == ["a", "b"]
    assert len(failing.errors) == 6


async def test_where_a_version_fails_everywhere_nobody_queues_for_it(routing: Routing) -> None:
    router = await routing(
        loaded("a", "m", "poet", errors=[Internal("bug")] * 3),
        health=HealthLimits(breaker_failures=3, breaker_seconds=300),
    )
    for _ in range(3):
        with pytest.raises(Internal):
            await router.texts(work())
    with pytest.raises(Unavailable, match="failed lately on every engine") as refused:
        await router.texts(work())
    assert 0 < refused.value.details["retry_after_seconds"] <= 300
    assert await router.texts(work("poet")) == ["a", "b"]


async def test_an_engine_that_fails_whatever_it_is_sent_is_left_out(routing: Routing) -> None:
    failing = loaded("a", "m", "poet", errors=[Internal("bug")] * 9)
    router = await routing(
        failing, loaded("b", "m", "poet", outstanding_tokens=500), health=HealthLimits(eject_seconds=300)
    )
    for number in range(5):
        with pytest.raises(Internal):
            await router.texts(work("m" if number % 2 else "poet"))
    assert await router.texts(work()) == ["a", "b"]
    assert router.count("ejected_engines") == 1
    assert len(failing.errors) == 4


async def test_one_that_was_left_out_is_tried_by_one_request_and_comes_back(routing: Routing) -> None:
    failing = loaded("a", errors=[Internal("bug")])
    limits = HealthLimits(breaker_failures=1, breaker_seconds=1e-9)
    router = await routing(failing, loaded("b", outstanding_tokens=500), health=limits)
    with pytest.raises(Internal):
        await router.texts(work())
    failing.submit_gate.clear()
    probe = asyncio.create_task(router.texts(work()))
    await failing.entered.wait()
    assert await router.texts(work()) == ["a", "b"]  # by the other one
    assert len(failing.done) == 1
    failing.submit_gate.set()
    await probe
    await router.texts(work())
    assert len(failing.done) == 2


async def test_a_probe_whose_caller_leaves_makes_room_for_the_next(routing: Routing) -> None:
    engine = loaded("a", errors=[Internal("bug")])
    router = await routing(engine, health=HealthLimits(breaker_failures=1, breaker_seconds=1e-9))
    with pytest.raises(Internal):
        await router.texts(work())
    engine.submit_gate.clear()
    probe = asyncio.create_task(router.texts(work()))
    await engine.entered.wait()
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    engine.submit_gate.set()
    assert await router.texts(work()) == ["a", "b"]


async def test_refusals_are_no_failures_of_the_engine(routing: Routing) -> None:
    errors: list[ColonnadeError] = [InvalidArgument("bad"), DeadlineExceeded("late"), FULL] * 4
    engine = loaded("a", errors=errors)
    router = await routing(engine)
    for error in list(errors):
        with pytest.raises(type(error)):
            await router.texts(work())
    assert await router.texts(work()) == ["a", "b"]


async def test_a_prompt_goes_where_its_beginning_was_served(routing: Routing) -> None:
    first, second = loaded("a"), loaded("b", outstanding_tokens=5)
    router = await routing(first, second)
    await router.texts(work(prompt=PROMPT))
    first.outstanding_tokens = 100
    await router.heard()
    await router.texts(work(prompt=PROMPT + "there was a king"))
    assert (len(first.done), len(second.done)) == (2, 0)
    await router.texts(work(prompt=PROMPT, tenant="other"))
    await router.texts(work(prompt="Something else " * 40))
    assert (len(first.done), len(second.done)) == (2, 2)
    assert router.count("engine_choices_total", by="prefix") == 1
    assert router.count("engine_choices_total", by="load") == 3


async def test_a_beginning_is_no_reason_to_wait_long(routing: Routing) -> None:
    first, second = loaded("a"), loaded("b", outstanding_tokens=5)
    router = await routing(first, second, slack_tokens=50)
    await router.texts(work(prompt=PROMPT))
    first.outstanding_tokens = 100
    await router.heard()
    await router.texts(work(prompt=PROMPT))
    assert (len(first.done), len(second.done)) == (1, 1)


async def test_an_engine_that_started_again_knows_no_beginnings(routing: Routing) -> None:
    first, second = loaded("a"), loaded("b", outstanding_tokens=5)
    router = await routing(first, second)
    await router.texts(work(prompt=PROMPT))
    first.instance, first.outstanding_tokens = "second", 100
    await router.heard()
    await router.texts(work(prompt=PROMPT))
    assert (len(first.done), len(second.done)) == (1, 1)


async def test_another_version_answers_where_the_one_asked_for_fails_everywhere(routing: Routing) -> None:
    engine = loaded("a", "m", "poet", errors=[Internal("bug")])
    router = await routing(engine)
    fallbacks = [work("poet"), work("unused")]
    chunks = [chunk async for chunk in router.inference.generate(work(), fallbacks)]
    assert [(chunk.parcel, chunk.fallback, chunk.full) for chunk in chunks] == [
        ("a", 1, False), ("b", 0, False)
    ]  # fmt: skip
    assert [done.digest for done in engine.done] == [digest("poet")]
    assert router.count("fallback_requests_total") == 1


async def test_it_is_said_that_the_one_asked_for_was_only_full(routing: Routing) -> None:
    router = await routing(loaded("a", "m", "poet", errors=[FULL]))
    first = await anext(router.inference.generate(work(), [work("poet")]))
    assert (first.fallback, first.full) == (1, True)


async def test_fallbacks_are_tried_in_their_order_and_the_last_error_is_told(routing: Routing) -> None:
    engine = loaded("a", "m", "poet", errors=[FULL, Internal("bug"), Internal("another")])
    router = await routing(engine)
    with pytest.raises(Internal, match="bug"):
        _ = [chunk async for chunk in router.inference.generate(work(), [work("poet")])]
    assert engine.errors != []


@pytest.mark.parametrize("error", [InvalidArgument("bad"), DeadlineExceeded("late")], ids=["bad", "late"])
async def test_a_request_that_is_wrong_or_late_falls_back_to_nothing(
    routing: Routing, error: ColonnadeError
) -> None:
    engine = loaded("a", "m", "poet", errors=[error])
    router = await routing(engine)
    with pytest.raises(type(error)):
        _ = [chunk async for chunk in router.inference.generate(work(), [work("poet")])]
    assert engine.done == []


async def test_what_has_begun_falls_back_to_nothing(routing: Routing) -> None:
    engine = loaded("a", "m", "poet", breaks_after=1)
    router = await routing(engine)
    chunks = router.inference.generate(work(), [work("poet")])
    await anext(chunks)
    with pytest.raises(Unavailable, match="before the answer was complete"):
        await anext(chunks)


async def test_without_any_engine_nobody_falls_back_before_time(routing: Routing) -> None:
    engine = loaded("a", "m", "poet", errors=[GONE])
    router = await routing(engine, wait_seconds=0)
    with pytest.raises(Unavailable, match="no engine is ready"):
        _ = [chunk async for chunk in router.inference.generate(work(), [work("poet")])]
