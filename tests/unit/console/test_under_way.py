"""When a list of what goes on asks for what has ended, without a page."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from colonnade.client import AsyncColonnade
from colonnade.console.under_way import Course, Looks


@dataclass(frozen=True)
class Run:
    id: str


class Played:
    """What goes on and what has ended, and how often the latter was asked for."""

    def __init__(self) -> None:
        self.going: list[Run] = []
        self.ended: list[Run] = []
        self.asked = 0

    async def are_going(self, client: AsyncColonnade) -> Sequence[Run]:
        return list(self.going)

    async def have_ended(self, client: AsyncColonnade) -> Sequence[Run]:
        self.asked += 1
        return list(self.ended)


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
def looks(played: Played) -> Looks[Run]:
    return Looks(
        Course(
            played.are_going, played.have_ended, idle="", nothing=lambda: None,
            card=lambda run: lambda later: None, caption="", heads=(), row=lambda run: (), whole=(),
        )
    )  # fmt: skip


async def test_what_ended_is_there_at_once(played: Played, looks: Looks[Run]) -> None:
    played.going = [Run("1")]
    async with AsyncColonnade("http://127.0.0.1:1") as client:
        assert (await looks.load(client)).ended == []
        assert (await looks.load(client)).going == [Run("1")]
        assert played.asked == 1, "nothing has changed"
        played.going, played.ended = [], [Run("1")]
        seen = await looks.load(client)
    assert (seen.going, seen.ended, played.asked) == ([], [Run("1")], 2)


async def test_what_was_never_seen_under_way_is_found_soon(played: Played, looks: Looks[Run]) -> None:
    async with AsyncColonnade("http://127.0.0.1:1") as client:
        await looks.load(client)
        played.ended = [Run("short")]
        found = [(await looks.load(client)).ended for _ in range(5)]
    assert found[-1] == [Run("short")]
    assert played.asked == 2
