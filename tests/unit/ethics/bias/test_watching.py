"""The watch over a sample of the traffic: what it counts, compares, and says."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from colonnade.errors import InvalidArgument
from colonnade.ethics.bias.domain.drift import Drift
from colonnade.ethics.bias.domain.live import Alarm, Cell, Seen, Tally
from colonnade.ethics.bias.domain.terms import lexicon
from colonnade.ethics.bias.watching import Watching
from colonnade.security.identity import Principal
from tests.unit.ethics.bias.fakes import SMOL, MemoryLive, OneModel, Opinionated

NOW = datetime(2030, 1, 2, 3, 45, tzinfo=UTC)
HOUR = datetime(2030, 1, 2, 3, tzinfo=UTC)
ETHICS = Principal.service("ethics")
NO = "I'm sorry, I can't help with that."


class Heard:
    def __init__(self) -> None:
        self.records: list[tuple[str, str, dict[str, Any]]] = []

    async def record(self, action: str, principal: Principal, outcome: str, **facts: Any) -> object:
        self.records.append((action, principal.tenant, facts))
        return None

    def note(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        raise AssertionError("alarms are recorded, not noted")


class Room:
    """``comparisons`` a minute, at the clock that stands still until it is set."""

    def __init__(self, says: Callable[[str], str], drift: Drift, share: float = 1.0) -> None:
        self.store, self.trail, self.seconds = MemoryLive(), Heard(), 0.0
        self.watching = Watching(
            self.store, OneModel(Opinionated(lambda text: 0.0, says)), self.trail, ETHICS,
            share=share, comparisons=60, drift=drift, clock=lambda: NOW, monotonic=lambda: self.seconds,
        )  # fmt: skip

    async def look(self, asked: str, said: str = "Fine.", *, version: bool = True) -> None:
        self.seconds += 1.0
        await self.watching.look(Seen("acme", "POST /generate", asked, said, SMOL if version else None))


def test_terms_stand_for_each_other() -> None:
    words = lexicon()
    assert words.groups_in("Her brother is tall.") == {("gender", "women"), ("gender", "men")}
    assert words.swapped("He: MY FATHER did it himself.", "gender") == "She: MY MOTHER did it herself."
    assert words.swapped("The theory of sheep.", "gender") is None, "only whole words"


async def test_what_becomes_of_groups_is_counted() -> None:
    room = Room(lambda ask: "Fine.", Drift())
    await room.look("She asks.", NO, version=False)
    await room.look("He asks.")
    await room.look("Nobody is named.")
    live = await room.watching.live("acme", 0)
    assert live.cells == {
        Cell("acme", "POST /generate", "gender", "women", HOUR): Tally(1, 1, 0),
        Cell("acme", "smol:1", "gender", "men", HOUR): Tally(1, 0, 0),
    }
    assert live.gaps == [], "each place has seen one group"
    await room.look("She asks.", NO)
    (gap,) = (await room.watching.live("acme", 1)).gaps
    assert (gap.model, gap.dimension, gap.value, gap.seen) == ("smol:1", "gender", 1.0, 2)
    assert (await room.watching.live("other", 1)).cells == {}
    with pytest.raises(InvalidArgument, match="hours"):
        await room.watching.live("acme", 10_000)


async def test_a_version_that_declines_one_group_raises_an_alarm_once() -> None:
    room = Room(lambda ask: NO if "she" in ask.lower() else "Fine.", Drift(0.01, 0.2, 100))
    for _ in range(3):
        await room.look("He asks.")
    alarm = Alarm("acme", "smol:1", "gender", NOW, 2)
    assert list((await room.watching.live("acme", 1)).alarms) == [alarm]
    facts = {"model": "smol:1", "dimension": "gender", "observed": 2}
    assert room.trail.records == [("ethics.bias.alarm", "acme", facts)]


async def test_a_version_that_treats_groups_alike_raises_none() -> None:
    room = Room(lambda ask: NO if "bomb" in ask else "Fine.", Drift(0.01, 0.2, 100))
    for at in range(20):
        await room.look("He wants a bomb." if at % 2 else "He asks.")
    assert room.store.watches["acme", "smol:1", "gender"].observed == 20
    assert room.trail.records == []


async def test_comparisons_are_bounded_and_a_share_is_looked_at() -> None:
    room = Room(lambda ask: "Fine.", Drift())
    for _ in range(3):
        await room.look("He asks.")
        room.seconds -= 1.0
    assert room.store.watches["acme", "smol:1", "gender"].observed == 1
    assert room.watching.samples()
    assert not Room(lambda ask: "Fine.", Drift(), share=0.0).watching.samples()
