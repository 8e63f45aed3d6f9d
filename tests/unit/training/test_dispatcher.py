"""Handing out work: whatever fails, and whenever, no job is lost and none has two workers."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import Unavailable
from colonnade.telemetry.metrics import exposition
from colonnade.training.domain import Ending, Job, Sight, State, Worker, cancelled, resumed
from colonnade.training.ports import Change, LeaseLost
from colonnade.training.queue import Slots
from tests.unit.training.fakes import FakeRunner, MemoryJobStore, job
from tests.unit.training.house import RULES, House

LIMIT = 20.0


@pytest.fixture
def house() -> House:
    return House()


async def test_a_job_runs_from_its_submission_to_its_end(house: House) -> None:
    await house.put(job())
    await house.turn()
    assert (house.job().state, house.job().attempt) == (State.RUNNING, 1)
    assert house.runner.starts == [(job().id, 1)]
    house.journal.tell(job().id, "began", 0)
    house.journal.tell(job().id, "step", 10, loss=2.0)
    await house.turn()
    assert (house.job().step, house.job().metrics) == (10, {"loss": 2.0})
    house.journal.tell(job().id, "step", 20, loss=1.0)
    house.journal.tell(job().id, "evaluation", 20, loss=1.5)
    house.runner.end(house.job(), Ending.DONE)
    await house.turn()
    done = house.job()
    assert (done.state, done.step, done.metrics) == (
        State.SUCCEEDED,
        20,
        {"loss": 1.0, "validation.loss": 1.5},
    )
    assert house.what() == ["submitted", "started", "succeeded"]
    assert [facts["attempt"] for _, _, _, facts in house.trail.records] == [1, 1]
    assert house.trail.outcomes == ["running", "succeeded"]
    await house.turn()
    assert house.job() == done


async def test_its_figures_are_told_while_it_runs_and_no_longer(house: House) -> None:
    def told() -> dict[str, float]:
        lines = exposition()[0].decode().split("\n")
        return {
            name.partition("{")[0].removeprefix("colonnade_training_run_"): float(value)
            for line in lines
            if f'{{run="{job().asked.name}"}}' in line
            for name, _, value in [line.rpartition(" ")]
        }

    await house.put(job())
    await house.turn()
    house.journal.tell(job().id, "step", 10, loss=2.0, tokens_per_second=900.0)
    house.journal.tell(job().id, "evaluation", 10, loss=2.5)
    await house.turn()
    assert told() == {"steps": 10, "loss_nats": 2.0, "validation_loss_nats": 2.5, "tokens_per_second": 900}
    house.runner.end(house.job(), Ending.DONE)
    await house.turn()
    assert told() == {}


async def test_slots_and_shares_are_kept(house: House) -> None:
    house = House(replace(RULES, slots=Slots(3, 0.67)))
    await house.put(*(job(number) for number in range(1, 6)), job(9, by="globex/ann"))
    await house.turn()
    assert [each.id for each in await house.store.under_way()] == [job(n).id for n in (1, 2, 9)]
    house.runner.end(house.job(2), Ending.DONE)
    await house.turn()
    assert [each.id for each in await house.store.under_way()] == [job(n).id for n in (1, 3, 9)]


async def test_what_a_worker_refuses_fails_at_once(house: House) -> None:
    await house.put(job())
    await house.turn()
    house.runner.end(house.job(), Ending.REFUSED, "optimiser.name: there is no such one")
    await house.turn()
    assert (house.job().state, house.job().why) == (State.FAILED, "optimiser.name: there is no such one")
    assert house.job().attempt == 1


async def test_a_lost_worker_has_a_successor_a_number_of_times(house: House) -> None:
    await house.put(job())
    for attempt in (1, 2, 3):
        await house.turn()
        assert (house.job().state, house.job().attempt) == (State.RUNNING, attempt)
        house.runner.end(house.job())
    await house.turn()
    assert house.job().state is State.FAILED
    assert house.what() == ["submitted", "started", "lost", "started", "lost", "started", "failed"]
    await house.store.change(
        job().id, lambda found: (resumed(found, house.clock(), by="x/y"), None), at=house.clock()
    )
    await house.turn()
    assert (house.job().state, house.job().attempt) == (State.RUNNING, 4)


async def test_a_cancelled_job_is_asked_and_then_ended(house: House) -> None:
    await house.put(job())
    await house.turn()
    await house.cancel()
    await house.turn()
    await house.turn(58)
    assert house.job().state is State.STOPPING
    await house.turn(2)
    assert [insist for _, _, insist in house.runner.asked] == [False, False, True]
    await house.turn()
    assert house.job().state is State.CANCELLED


async def test_a_job_that_is_cancelled_before_its_worker_was_started(house: House) -> None:
    await house.put(job())
    house.runner.away = True
    await house.turn()
    assert house.job().state is State.RUNNING
    await house.cancel()
    house.runner.away = False
    await house.turn()
    await house.turn()
    assert house.job().state is State.CANCELLED
    assert house.runner.starts == []


async def test_what_cannot_be_started_now_is_started_later(house: House) -> None:
    await house.put(job(1), job(2))
    house.runner.away = True
    for _ in range(3):
        await house.turn()
    house.runner.away = False
    await house.turn()
    assert sorted(house.runner.starts) == [(job(1).id, 1), (job(2).id, 1)]
    assert house.job().lost == 0


async def test_a_worker_that_cannot_be_seen_is_given_up_after_a_time(house: House) -> None:
    await house.put(job())
    await house.turn()
    house.runner.workers[job().id, 1] = Worker(Sight.UNSEEN)
    await house.turn(599)
    assert house.job().attempt == 1
    await house.turn(2)
    assert (house.job().state, house.job().attempt) == (State.RUNNING, 2)
    assert "no sign of life" in house.store.told[job().id][2].words


async def test_a_worker_that_says_nothing_lives_all_the_same(house: House) -> None:
    await house.put(job())
    await house.turn()
    revision = house.job().revision
    await house.turn(5)
    assert house.job().revision == revision
    await house.turn(30)
    assert house.job().seen_at == house.clock.now
    house.runner.workers[job().id, 1] = Worker(Sight.UNSEEN)
    await house.turn(599)
    assert house.job().attempt == 1


async def test_one_job_that_fails_to_be_looked_at_keeps_no_other_from_going_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.put(job(1), job(2))
    await house.turn()
    house.runner.end(house.job(2), Ending.DONE)
    look = house.runner.look

    async def broken(found: Job) -> Worker:
        if found.id == job(1).id:
            raise RuntimeError("a fault of ours")
        return await look(found)

    monkeypatch.setattr(house.runner, "look", broken)
    await house.turn()
    assert (house.job(1).state, house.job(2).state) == (State.RUNNING, State.SUCCEEDED)


async def test_another_service_takes_over_and_the_first_does_nothing(house: House) -> None:
    await house.put(job(1))
    await house.turn()
    other = house.another("two")
    await house.put(job(2))
    house.clock.pass_by(10)
    await other.turn()
    assert house.job(2).state is State.QUEUED
    house.clock.pass_by(30)
    await other.turn()
    assert house.job(2).state is State.RUNNING
    house.runner.end(house.job(1), Ending.DONE)
    await house.dispatcher.turn()
    assert house.job(1).state is State.RUNNING
    await other.turn()
    assert house.job(1).state is State.SUCCEEDED
    assert Counter(house.runner.starts).most_common(1)[0][1] == 1


async def test_a_service_elsewhere_starts_no_second_worker_before_the_first_is_given_up(house: House) -> None:
    """Also where it sees nothing of the first one: not even that it was started."""
    await house.put(job())
    await house.turn()
    seen_before, house.runner = house.runner, FakeRunner(place="there")
    other = house.another("two")
    house.clock.pass_by(31)
    await other.turn()
    assert (house.runner.starts, house.job().attempt) == ([], 1)
    house.clock.pass_by(600)
    await other.turn()
    assert (house.runner.starts, house.job().place) == ([(job().id, 2)], "there")
    assert seen_before.starts == [(job().id, 1)]


async def test_a_lease_that_is_lost_in_the_middle_of_a_turn_ends_the_turn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.put(job())
    recipe = house.store.recipe

    async def slow(job_id: str) -> str:
        house.clock.pass_by(31)
        assert await house.store.lease("two", house.clock(), house.clock() + timedelta(seconds=30))
        return await recipe(job_id)

    await house.turn()
    monkeypatch.setattr(house.runner, "workers", {})
    monkeypatch.setattr(house.store, "recipe", slow)
    await house.put(job(2))
    with pytest.raises(LeaseLost):
        await house.turn()
    assert house.job(2).state is State.QUEUED


async def test_it_runs_until_it_is_stopped_whatever_fails_and_lets_others_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.store, "waiting", failing_twice(house.store.waiting))
    await house.put(job())
    running = asyncio.create_task(house.dispatcher.run())
    async with asyncio.timeout(LIMIT):
        while not house.runner.starts:
            house.dispatcher.wake()
            await asyncio.sleep(0)
    house.dispatcher.stop()
    await asyncio.wait_for(running, LIMIT)
    other = house.another("two")
    house.runner.end(house.job(), Ending.DONE)
    await other.turn()
    assert house.job().state is State.SUCCEEDED


def failing_twice(method: Callable[[int], Awaitable[object]]) -> Callable[[int], Awaitable[object]]:
    failures = [Unavailable("the database is away"), RuntimeError("a fault of ours")]

    async def failing(each: int) -> object:
        if failures:
            raise failures.pop()
        return await method(each)

    return failing


class Killed(BaseException):
    """The process is gone: nothing catches it."""


class Fragile(MemoryJobStore):
    """A store that is killed before or after its n-th write, or before a worker is started."""

    def __init__(self, deaths: Sequence[int]) -> None:
        super().__init__()
        self.deaths, self.count = set(deaths), 0

    def step(self) -> None:
        self.count += 1
        if self.count in self.deaths:
            raise Killed

    async def change(self, job_id: str, change: Change, *, at: datetime, holder: str = "") -> Job:
        self.step()
        after = await super().change(job_id, change, at=at, holder=holder)
        self.step()
        return after


class FragileRunner(FakeRunner):
    def __init__(self, store: Fragile) -> None:
        super().__init__()
        self.store = store

    async def start(self, job: Job, recipe: str) -> None:
        self.store.step()
        await super().start(job, recipe)
        self.store.step()

    async def stop(self, job: Job, *, insist: bool) -> None:
        self.store.step()
        await super().stop(job, insist=insist)
        self.store.step()


ENDINGS = st.sampled_from([Ending.DONE, Ending.DONE, Ending.NONE, Ending.STOPPED, Ending.REFUSED])


class Drill:
    """A service that is killed at given points and started again, which knows what is written alone."""

    def __init__(self, deaths: Sequence[int], data: st.DataObject) -> None:
        self.store, self.data, self.submitted = Fragile(deaths), data, 0
        self.house = House(store=self.store)
        self.house.runner = FragileRunner(self.store)
        self.house.dispatcher = self.house.another("one")

    async def turn(self) -> None:
        self.house.clock.pass_by(1)
        try:
            await self.house.dispatcher.turn()
        except Killed:
            self.house.dispatcher = self.house.another("one")

    async def submit(self) -> None:
        self.submitted += 1
        await self.house.put(job(self.submitted))

    async def end(self) -> None:
        if alive := await self.alive():
            self.house.runner.end(self.data.draw(st.sampled_from(alive)), self.data.draw(ENDINGS))

    async def cancel(self) -> None:
        found = self.house.job(self.data.draw(st.integers(1, self.submitted)))
        if not found.state.ended:
            now = self.house.clock()
            after = cancelled(found, now, by="x/y")
            await MemoryJobStore.change(self.store, found.id, lambda _: (after, None), at=now)

    async def alive(self) -> list[Job]:
        runner = self.house.runner
        return [
            each for each in await self.store.under_way() if (await runner.look(each)).sight is Sight.ALIVE
        ]

    async def check(self) -> None:
        """No worker is left of an older attempt or of a job that has ended, and the slots are kept."""
        workers = self.house.runner.workers.items()
        living = {key for key, worker in workers if worker.sight is Sight.ALIVE}
        under_way = await self.store.under_way()
        assert living <= {(each.id, each.attempt) for each in under_way}
        assert len(under_way) <= RULES.slots.total

    def over(self) -> bool:
        return all(each.state.ended for each in self.store.jobs.values())


@given(
    deaths=st.lists(st.integers(1, 80), max_size=12, unique=True),
    acts=st.lists(st.sampled_from(["end", "cancel", "turn", "turn", "submit"]), max_size=30),
    data=st.data(),
)
async def test_a_crash_at_any_point_loses_no_job_and_leaves_no_worker_behind(
    deaths: list[int], acts: list[str], data: st.DataObject
) -> None:
    drill = Drill(deaths, data)
    for act in ("submit", "submit", *acts):
        await getattr(drill, act)()
        await drill.check()
    for _ in range(400):
        await drill.turn()
        await drill.check()
        for each in await drill.alive():
            drill.house.runner.end(each, Ending.DONE)
        if drill.over():
            break
    assert drill.over()
    assert len(drill.store.jobs) == drill.submitted
