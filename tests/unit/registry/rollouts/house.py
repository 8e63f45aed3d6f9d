"""A registry's rollouts, and an evaluator that says what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

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
from colonnade.storage.sql import Database
from tests.unit.registry.fakes import ENGINEER, MemoryTrail

LIMIT = 60.0
GATE = Gate(Probe.TASKS, Bound(0.5))
ERRORS = Objective(Measure.ERROR_RATE, Bound(0.02))
STEPS = (Step(10, 0, 5), Step(50, 0, 5))
PASSED = GateResult(Outcome.PASSED, 1.0, None, "it is 1, its bound 0.5")
GOOD = Observed.total([Observed.answer(0.1, 9, 0.3)] * 20)
BAD = Observed.total([Observed.failure()] * 20)


@dataclass
class Judge:
    """An evaluator that says what it is told to."""

    says: list[GateResult | Exception] = field(default_factory=list)
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
        if isinstance(said, Exception):
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

    def runner(self, holder: str = "") -> Runner:
        return Runner(
            self.store, self.versions, self.judge, self.trail,
            tick_seconds=0.01, lease_seconds=3600, holder=holder,
        )  # fmt: skip

    @asynccontextmanager
    async def running(self, holder: str = "") -> AsyncIterator[None]:
        task = asyncio.create_task(self.runner(holder).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def start(self, *, plan: Plan | None = None, **more: Any) -> str:
        record = await self.rollouts.start(Order("smol", 2, plan=plan, **more), ENGINEER)
        return record.rollout.id

    async def until(self, rollout_id: str, state: State, *, step: int = 0) -> Detail:
        async with asyncio.timeout(LIMIT):
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
