"""What is full refuses for a moment from memory."""

import pytest

from colonnade.errors import Overloaded
from colonnade.gateway.service.fullness import MOMENT_SECONDS, Fullness
from tests.unit.gateway.fakes import House

BODY = {"prompt": "x", "model": "tiny"}


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_version_is_full_for_a_moment() -> None:
    clock, refusal = _Clock(), Overloaded("full", limit=1)
    fullness = Fullness(clock)
    fullness.note("a", 0, refusal)
    for _ in range(3):
        with pytest.raises(Overloaded) as raised:
            fullness.check("a", 0)
        assert raised.value is refusal
        assert len(raised.traceback) <= 3, "the refusal does not grow"
    fullness.check("b", 0)
    clock.now += MOMENT_SECONDS
    fullness.check("a", 0)


def test_what_goes_before_it_is_still_asked() -> None:
    fullness = Fullness(_Clock())
    fullness.note("a", 0, Overloaded("full", limit=1))
    fullness.check("a", 1)
    with pytest.raises(Overloaded):
        fullness.check("a", -1)


async def test_the_second_of_two_is_not_put_to_a_full_engine(house: House) -> None:
    house.generator.error = Overloaded("the queue is full", limit=7, retry_after_seconds=2)
    async with house.client() as client:
        first = await client.post("/generate", json=BODY)
        asked = len(house.generator.specs)
        second = await client.post("/generate", json=BODY)
        ahead = await client.post("/generate", json=BODY | {"priority": 1})
    assert [first.status_code, second.status_code, ahead.status_code] == [429, 429, 429]
    assert second.headers["retry-after"] == "2"
    assert second.json()["error"]["message"] == first.json()["error"]["message"]
    assert (asked, len(house.generator.specs)) == (1, 2), "only the first and the one that goes before it"
