"""Rollouts driven to their end: by themselves, after a crash, and by one registry of several."""

from datetime import datetime, timedelta

import pytest

from colonnade.errors import ColonnadeError, Conflict, Internal, InvalidArgument, Overloaded, Unavailable
from colonnade.registry.rollouts.machine import GateResult, Outcome, State
from colonnade.registry.rollouts.plan import Bound, Gate, Plan, Probe, Step
from colonnade.registry.rollouts.ports import Record
from colonnade.registry.service import utc_now
from tests.unit.registry.fakes import ENGINEER
from tests.unit.registry.rollouts.house import BAD, ERRORS, GATE, GOOD, PASSED, STEPS, House


async def test_the_whole_way_by_itself(house: House) -> None:
    plan = Plan((GATE, GATE), None, STEPS, (ERRORS,))
    async with house.running():
        rollout_id = await house.start(plan=plan, why="it is better")
        first = await house.until(rollout_id, State.CANARY)
        assert await house.means() == {1: 90, 2: 10}
        await house.seen(first.record, GOOD)
        found = await house.until(rollout_id, State.CANARY, step=1)
        assert await house.means() == {1: 50, 2: 50}
        await house.seen(found.record, GOOD)
        done = await house.until(rollout_id, State.PROMOTED)
    assert await house.means() == {2: 100}
    assert house.judge.asked == [(Probe.TASKS, 2, 1)] * 2
    assert [event.what for event in done.events] == ["begun", "gate", "gate", "step", "promoted"]
    assert done.events[0].words == "it is better"
    assert done.events[1].words == "tasks passed: it is 1, its bound 0.5"
    steps = [each for each in house.trail.records if each[0] == "registry.rollout.step"]
    assert len(steps) == 4


async def test_a_candidate_that_gets_worse_is_taken_back(house: House) -> None:
    again = Gate(Probe.TASKS, Bound(0.5), every=1)
    worse = GateResult(Outcome.FAILED, 0.1, None, "it is 0.1, its bound 0.5")
    house.judge.says = [PASSED, Overloaded("engines are full"), OSError("no space left"), PASSED, worse]
    async with house.running():
        rollout_id = await house.start(plan=Plan((again,), None, (Step(10, 600),), ()))
        done = await house.until(rollout_id, State.ROLLED_BACK)
    assert await house.means() == {1: 100}
    assert "tasks failed when it was asked again: it is 0.1" in done.record.rollout.reason
    assert done.record.rollout.gates == (worse,)
    assert [event.what for event in done.events] == ["begun", "gate", "rolled_back"]


async def test_a_failing_candidate_is_taken_back(house: House) -> None:
    async with house.running():
        rollout_id = await house.start(plan=Plan((), None, (Step(10, 60),), (ERRORS,)))
        await house.seen((await house.until(rollout_id, State.CANARY)).record, BAD)
        done = await house.until(rollout_id, State.ROLLED_BACK)
    assert await house.means() == {1: 100}
    assert "error_rate is 1 after 20 requests" in done.record.rollout.reason
    assert done.candidate == BAD, "what it was taken back for is still to be seen"
    assert done.events[-1].by == "platform/registry"


@pytest.mark.parametrize(
    "said",
    [GateResult(Outcome.FAILED, 0.1, None, "0.1"), Internal("broken"), InvalidArgument("no such set")],
    ids=["failed", "broken", "no-set"],
)
async def test_a_gate_that_is_not_passed_refuses(house: House, said: GateResult | ColonnadeError) -> None:
    house.judge.says = [said]
    async with house.running():
        rollout_id = await house.start(plan=Plan((GATE,), None, STEPS))
        done = await house.until(rollout_id, State.REFUSED)
    assert await house.means() == {1: 100}
    assert done.record.rollout.reason.startswith("the gate tasks failed: ")


async def test_a_gate_that_cannot_be_asked_now_is_asked_again(house: House) -> None:
    house.judge.says = [Unavailable("no engine"), Unavailable("no engine"), PASSED]
    async with house.running():
        await house.until(await house.start(plan=Plan((GATE,))), State.PROMOTED)
    assert len(house.judge.asked) == 3


async def test_a_person_who_ends_it_during_a_gate_is_heeded(house: House) -> None:
    house.judge.hold.clear()
    async with house.running():
        rollout_id = await house.start(plan=Plan((GATE,)))
        await house.judge.began.wait()
        await house.rollouts.change(rollout_id, "roll_back", ENGINEER, why="no")
        house.judge.hold.set()
        done = await house.until(rollout_id, State.CANCELLED)
    assert [event.what for event in done.events] == ["begun", "cancelled"]
    steps = [facts["why"] for act, _, _, facts in house.trail.records if act == "registry.rollout.step"]
    assert steps == [""], "why is in the record of whoever said it, sealed with their key"
    assert await house.means() == {1: 100}


async def test_another_registry_goes_on_where_one_stopped(house: House) -> None:
    house.judge.hold.clear()
    async with house.running():
        rollout_id = await house.start(plan=Plan((GATE,)))
        await house.judge.began.wait()
    house.judge.hold.set()
    async with house.running():
        await house.until(rollout_id, State.PROMOTED)


async def test_a_full_disk_ends_nothing_for_good(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, failures = house.store.claim, [OSError("no space left on the disk")] * 3

    async def failing(holder: str, now: datetime, until: datetime) -> Record | None:
        if failures:
            raise failures.pop()
        return await claim(holder, now, until)

    monkeypatch.setattr(house.store, "claim", failing)
    async with house.running():
        await house.until(await house.start(plan=Plan((GATE,))), State.PROMOTED)
    assert not failures


async def test_after_a_kill_it_goes_on_at_the_next_start(house: House) -> None:
    rollout_id = await house.start(plan=Plan((GATE,)))
    now = utc_now()
    assert await house.store.claim("home", now, now + timedelta(hours=1))  # and is killed
    async with house.running("home"):
        await house.until(rollout_id, State.PROMOTED)


async def test_of_two_registries_one_asks_the_gates(house: House) -> None:
    async with house.running(), house.running():
        await house.until(await house.start(plan=Plan((GATE,) * 5)), State.PROMOTED)
    assert len(house.judge.asked) == 5


async def test_paused_and_resumed_and_promoted_by_people(house: House) -> None:
    async with house.running():
        rollout_id = await house.start(plan=Plan((), None, (Step(10, 60), Step(50, 60)), (ERRORS,)))
        record = (await house.until(rollout_id, State.CANARY)).record
        await house.rollouts.change(rollout_id, "pause", ENGINEER, expected=record.revision)
        with pytest.raises(Conflict, match="revision"):
            await house.rollouts.change(rollout_id, "resume", ENGINEER, expected=record.revision)
        await house.rollouts.change(rollout_id, "resume", ENGINEER)
        await house.rollouts.change(rollout_id, "promote", ENGINEER, why="I know better")
    done = await house.rollouts.get(rollout_id)
    assert [event.what for event in done.events] == ["begun", "pause", "resume", "promoted"]
    assert done.events[-1].words == "I know better"
    assert await house.means() == {2: 100}
