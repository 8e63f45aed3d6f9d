"""Rollouts driven to their end: by themselves, after a crash, and by one registry of several."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import (
    ColonnadeError,
    Conflict,
    Internal,
    InvalidArgument,
    NotFound,
    Overloaded,
    Unavailable,
)
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.domain import Manifest, Reference
from colonnade.registry.rollouts.machine import GateResult, Outcome, State
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.plan import Bound, Gate, Measure, Objective, Plan, Probe, Step
from colonnade.registry.rollouts.policies import policies_in
from colonnade.registry.rollouts.ports import Record
from colonnade.registry.rollouts.runner import Runner
from colonnade.registry.rollouts.service import Detail, Order, Rollouts, Seen
from colonnade.registry.service import Registry
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.registry.fakes import ENGINEER, MemoryTrail, draft

LIMIT = 20.0
GATE = Gate(Probe.TASKS, Bound(0.5))
ERRORS = Objective(Measure.ERROR_RATE, Bound(0.02))
STEPS = (Step(10, 0, 5), Step(50, 0, 5))
PASSED = GateResult(Outcome.PASSED, 1.0, None, "it is 1, its bound 0.5")
GOOD = Observed.total([Observed.answer(0.1, 9, 0.3)] * 20)
BAD = Observed.total([Observed.failure()] * 20)


@dataclass
class Judge:
    """An evaluator that says what it is told to."""

    says: list[GateResult | ColonnadeError] = field(default_factory=list)
    asked: list[tuple[Probe, int, int | None]] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hold.set()

    async def ask(self, gate: Gate, candidate: Manifest, stable: Manifest | None) -> GateResult:
        self.asked.append((gate.probe, candidate.version, stable.version if stable else None))
        self.began.set()
        await self.hold.wait()
        said = self.says.pop(0) if self.says else PASSED
        if isinstance(said, ColonnadeError):
            raise said
        return said


class House:
    """A registry's rollouts on a database of its own."""

    def __init__(self, database: Database) -> None:
        self.store, self.versions = SqlRolloutStore(database), SqlVersionStore(database)
        self.judge, self.trail = Judge(), MemoryTrail()
        self.registry = Registry(self.versions, self.trail)
        self.rollouts = Rollouts(
            self.store, self.versions, self.trail, policies_in(None), default_policy="careful"
        )

    def runner(self, lease_seconds: float = 30) -> Runner:
        return Runner(
            self.store, self.versions, self.judge, self.trail, tick_seconds=0.01, lease_seconds=lease_seconds
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.runner().run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def start(self, *, plan: Plan | None = None, **more: Any) -> str:
        record = await self.rollouts.start(Order("smol", 2, plan=plan, **more), ENGINEER)
        return record.rollout.id

    async def until(self, rollout_id: str, state: State, *, step: int = 0) -> Detail:
        while True:
            detail = await self.rollouts.get(rollout_id)
            if detail.record.rollout.state is state and detail.record.rollout.step >= step:
                return detail
            await asyncio.sleep(0.005)

    async def means(self) -> dict[int, int]:
        found = await self.versions.find_targets(Reference("smol", "production"))
        return {manifest.version: weight for manifest, weight in found}

    async def seen(self, record: Record, candidate: Observed) -> None:
        rollout = record.rollout
        await self.rollouts.report("gateway-1", [Seen(rollout.id, rollout.phase, candidate, GOOD)])


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database(sqlite_url(tmp_path / "registry.db"))
    await migrate(database, "colonnade.registry")
    house = House(database)
    for seed in (1, 2):
        await house.versions.register(draft("smol", seed), alias="")
    async with asyncio.timeout(LIMIT):
        yield house
    await database.close()


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
    house.judge.says = [PASSED, Overloaded("engines are full"), PASSED, worse]
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
    assert await house.means() == {1: 100}


async def test_another_registry_goes_on_where_one_stopped(house: House) -> None:
    house.judge.hold.clear()
    async with house.running():
        rollout_id = await house.start(plan=Plan((GATE,)))
        await house.judge.began.wait()
    house.judge.hold.set()
    async with house.running():
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


async def test_what_gateways_are_told(house: House) -> None:
    rollout_id = await house.start(plan=Plan((GATE,), Step(20, 60), STEPS))
    resolution = await house.registry.resolve("smol")
    watched = await house.rollouts.watched(resolution)
    assert watched is not None
    assert (watched.candidate.version, watched.stable and watched.stable.version) == (2, 1)
    assert (watched.rollout.id, watched.rollout.shadow_percent) == (rollout_id, 0)
    assert await house.rollouts.watched(await house.registry.resolve("smol:1")) is None
    async with house.running():
        await house.until(rollout_id, State.SHADOW)
    watched = await house.rollouts.watched(resolution)
    assert watched is not None
    assert watched.rollout.shadow_percent == 20


@pytest.mark.parametrize(
    ("order", "error", "field"),
    [
        (Order("nobody", 1), NotFound, "version"),
        (Order("smol", 9), NotFound, "version"),
        (Order("smol", 0), NotFound, "version"),
        (Order("Smol!", 1), InvalidArgument, "model"),
        (Order("smol", 2, alias="Not one"), InvalidArgument, "alias"),
        (Order("smol", 2, policy="brave"), NotFound, "policy"),
        (Order("smol", 2, policy="quick", plan=Plan()), InvalidArgument, "plan"),
        (Order("smol", 1), InvalidArgument, "version"),
        (Order("smol", 2, idempotency_key="not a key"), InvalidArgument, "idempotency_key"),
        (Order("smol", 2, why="x" * 1001), ColonnadeError, "why"),
    ],
    ids=["no-model", "no-version", "zero", "name", "alias", "policy", "both", "there", "key", "why"],
)
async def test_bad_orders(house: House, order: Order, error: type[ColonnadeError], field: str) -> None:
    with pytest.raises(error) as caught:
        await house.rollouts.start(order, ENGINEER)
    assert caught.value.details["field"] == field
    assert await house.means() == {1: 100}


async def test_bad_changes(house: House) -> None:
    with pytest.raises(NotFound):
        await house.rollouts.get("ro_none")
    with pytest.raises(NotFound):
        await house.rollouts.change("ro_none", "pause", ENGINEER)
    with pytest.raises(InvalidArgument, match="pause, resume, promote, roll_back"):
        await house.rollouts.change(await house.start(), "explode", ENGINEER)
    with pytest.raises(InvalidArgument):
        await house.rollouts.page(page_size=-1)


async def test_a_key_begins_one_and_pages_go_on(house: House) -> None:
    first = await house.start(plan=Plan((GATE,)), idempotency_key="k")
    assert await house.start(plan=Plan((GATE,)), idempotency_key="k") == first
    with pytest.raises(Conflict):
        await house.start(plan=Plan(), idempotency_key="k")
    await house.rollouts.change(first, "roll_back", ENGINEER)
    second = await house.start(plan=Plan((GATE,)))
    found, token = await house.rollouts.page(page_size=1)
    rest, end = await house.rollouts.page(page_size=1, page_token=token)
    assert [each.rollout.id for each in (*found, *rest)] == [second, first]
    assert end == ""
