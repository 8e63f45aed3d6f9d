"""The load against the mock upstream itself, over a real socket."""

import asyncio
from collections.abc import Iterator

import pytest

from evidence.performance.gateways.load import Door, closed_loop, request
from evidence.performance.gateways.processes import Running, upstream
from evidence.performance.gateways.upstream import MODEL


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with upstream(0.01) as up:
        yield up.running


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_every_request_is_answered_and_timed(running: Running, stream: bool) -> None:
    asked = request(running.door, MODEL, 5, stream=stream)
    waited = asyncio.run(closed_loop(running.door, asked, clients=4, requests=10))
    assert len(waited.first) == len(waited.whole) == 10
    assert all(0.005 <= first <= whole for first, whole in zip(waited.first, waited.whole, strict=True))


def test_an_answer_of_another_kind_is_told(running: Running) -> None:
    broken = request(Door(running.door.port), MODEL, 1, stream=False).replace(b"Host", b"Ho st")
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(closed_loop(running.door, broken, clients=1, requests=1))
    assert "400" in str(raised.value.exceptions[0])


def test_processor_time_grows_with_work(running: Running) -> None:
    before = running.cpu_seconds()
    asked = request(running.door, MODEL, 200, stream=True)
    asyncio.run(closed_loop(running.door, asked, clients=4, requests=40))
    assert running.cpu_seconds() > before
