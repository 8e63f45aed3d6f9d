"""What a request waits for, and for how long."""

import asyncio

from colonnade.errors import Unavailable
from colonnade.memory.service.at_once import AtOnce
from tests.unit.memory.house import FakeEmbedder


async def test_after_a_failure_nobody_waits_for_a_moment() -> None:
    embedder, now = FakeEmbedder(failure=Unavailable("no engine")), [0.0]
    at_once = AtOnce(embedder, 0.01, rest_seconds=2, clock=lambda: now[0])
    assert await at_once(["a"]) is None
    embedder.failure = None
    assert await at_once(["a"]) is None
    assert len(embedder.asked) == 1
    now[0] = 2.0
    found = await at_once(["a"])
    assert found is not None
    assert found.model == embedder.digest


async def test_who_hangs_is_not_waited_for_and_asked_no_more_for_a_moment() -> None:
    embedder = FakeEmbedder(hangs=True)
    at_once = AtOnce(embedder, 0.01, rest_seconds=60)
    async with asyncio.timeout(5):
        for _ in range(100):
            assert await at_once(["a"]) is None
    assert len(embedder.asked) == 1


async def test_a_text_that_is_refused_keeps_no_other_one_waiting() -> None:
    embedder = FakeEmbedder(refuses="cursed")
    at_once = AtOnce(embedder, 1, rest_seconds=60)
    assert await at_once(["cursed"]) is None
    assert await at_once(["fine"]) is not None
