"""Who sees to duties: in turns, alone, after failures ever more rarely, and never to the service's end."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.errors import Unavailable
from colonnade.memory.service.upkeep.duties import Duty, Upkeep
from tests.unit.memory.house import Clock, until


@dataclass
class FakeLeases:
    holder: str = ""
    until: datetime | None = None
    asked: int = 0
    failure: Exception | None = None

    async def lease(self, holder: str, now: datetime, until: datetime) -> bool:
        self.asked += 1
        if self.failure:
            raise self.failure
        if self.holder not in ("", holder) and self.until and self.until > now:
            return False
        self.holder, self.until = holder, until
        return True

    async def release(self, holder: str) -> None:
        if self.holder == holder:
            self.holder = ""


@dataclass
class Work:
    left: int = 0
    turns: int = 0
    failure: Exception | None = None

    async def __call__(self) -> bool:
        self.turns += 1
        if self.failure:
            raise self.failure
        self.left = max(0, self.left - 1)
        return self.left > 0


@dataclass
class Place:
    leases: FakeLeases = field(default_factory=FakeLeases)
    clock: Clock = field(default_factory=Clock)
    seconds: float = 0.0

    def upkeep(self, *duties: Duty, holder: str = "one") -> Upkeep:
        return Upkeep(
            duties, self.leases, holder, lease_seconds=100, tick_seconds=0.01,
            clock=self.clock, monotonic=lambda: self.seconds,
        )  # fmt: skip


async def test_duties_take_turns_until_nothing_is_left() -> None:
    place, one, other = Place(), Work(left=3), Work(left=1)
    upkeep = place.upkeep(Duty("one", one, every=60), Duty("other", other, every=60))
    assert await upkeep.once()
    assert (one.turns, other.turns) == (1, 1)
    assert await upkeep.once()
    assert not await upkeep.once()
    assert (one.turns, other.turns) == (3, 1)
    place.seconds = 59
    assert not await upkeep.once()
    assert one.turns == 3
    place.seconds = 61
    await upkeep.once()
    assert (one.turns, other.turns) == (4, 2)


async def test_a_failure_waits_ever_longer_and_stops_no_other() -> None:
    place, bad, good = Place(), Work(failure=Unavailable("away")), Work()
    upkeep = place.upkeep(Duty("bad", bad, every=1), Duty("good", good, every=1))
    times = []
    for second in range(100):
        place.seconds = float(second)
        before = bad.turns
        await upkeep.once()
        if bad.turns > before:
            times.append(second)
        upkeep.wake("bad")
    assert times == [0, 1, 3, 7, 15, 31, 63]
    assert good.turns == 100
    bad.failure = RuntimeError("a mistake of ours")
    place.seconds = 1000
    await upkeep.once()
    bad.failure = None
    place.seconds = 2000
    await upkeep.once()
    place.seconds = 2001
    turns = bad.turns
    await upkeep.once()
    assert bad.turns == turns + 1, "all is forgotten when it went well once"


async def test_one_of_several_services_does_it_and_another_takes_over() -> None:
    place, one, other, own = Place(), Work(), Work(), Work()
    first = place.upkeep(Duty("x", one, every=1))
    second = place.upkeep(Duty("x", other, every=1), Duty("tidy", own, every=1, alone=False), holder="two")
    for second_ in range(5):
        place.seconds = float(second_)
        await first.once()
        await second.once()
    assert (one.turns, other.turns, own.turns) == (5, 0, 5)
    assert place.leases.asked == 6, "who holds it renews when half of it is over"
    place.clock.pass_by(seconds=101)
    place.seconds = 10
    await second.once()
    assert other.turns == 1
    await first.once()
    assert one.turns == 5


async def test_a_database_that_is_away_stops_nothing() -> None:
    place, work = Place(), Work()
    place.leases.failure = Unavailable("the database is away")
    upkeep = place.upkeep(Duty("x", work, every=1))
    assert not await upkeep.once()
    place.leases.failure, place.seconds = None, 5
    await upkeep.once()
    assert work.turns == 1


async def test_woken_it_works_at_once_and_stopped_it_lets_go() -> None:
    place, work = Place(), Work()
    upkeep = place.upkeep(Duty("embed", work, every=1000))
    running = asyncio.create_task(upkeep.run())

    async def turned(times: int) -> bool:
        return work.turns >= times

    await until(lambda: turned(1))
    upkeep.wake("embed")
    await until(lambda: turned(2))
    assert place.leases.holder == "one"
    upkeep.stop()
    await asyncio.wait_for(running, 5)
    assert place.leases.holder == ""
