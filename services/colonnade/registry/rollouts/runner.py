"""Drives rollouts in the background. Of several registries one drives a rollout, as long as it lives."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.registry.domain import Manifest, Reference
from colonnade.registry.ports import AuditTrail, VersionStore
from colonnade.registry.rollouts import machine
from colonnade.registry.rollouts.machine import GateResult, Outcome, Rollout, State
from colonnade.registry.rollouts.plan import Gate
from colonnade.registry.rollouts.ports import Evaluator, Event, LeaseLost, Record, RolloutStore
from colonnade.registry.service import utc_now
from colonnade.security.identity import Principal
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_BY = "platform/registry"
_PRINCIPAL = Principal.service("registry")
_PATIENCE_SECONDS = 300.0
"""How long a gate that cannot be asked is asked again."""


class Runner:
    def __init__(
        self,
        store: RolloutStore,
        versions: VersionStore,
        evaluator: Evaluator,
        trail: AuditTrail,
        *,
        tick_seconds: float,
        lease_seconds: float,
        holder: str = "",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``holder`` is who holds the leases, if it is the only one of that name that runs: what one of that
        name left behind is then gone on with at once, and not when its leases run out."""
        self._store = store
        self._versions = versions
        self._evaluator = evaluator
        self._trail = trail
        self._tick = tick_seconds
        self._lease = timedelta(seconds=lease_seconds)
        self._clock = clock
        self._left_behind = bool(holder)
        self._holder = holder or uuid.uuid4().hex
        self._drives: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was begun or changed here; what happens at other registries is seen within a tick."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled: then others may go on at once."""
        try:
            while True:
                await self._claim()
                await self._pause()
        finally:
            for task in self._drives.values():
                task.cancel()
            await asyncio.gather(*self._drives.values(), return_exceptions=True)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._tick):
                await self._woken.wait()
        self._woken.clear()

    async def _claim(self) -> None:
        try:
            if self._left_behind:
                await self._store.release_all(self._holder)
                self._left_behind = False
            while record := await self._store.claim(self._holder, self._clock(), self._clock() + self._lease):
                rollout_id = record.rollout.id
                if (running := self._drives.get(rollout_id)) and not running.done():
                    return
                self._drives = {key: task for key, task in self._drives.items() if not task.done()}
                self._drives[rollout_id] = asyncio.create_task(self._drive(record))
        except ColonnadeError as error:
            _LOG.warning("no rollout could be taken on; it will be tried again", reason=error.message)
        except Exception:  # a full disk, say: what ends here goes on no more until the next start
            _LOG.exception("no rollout could be taken on; it will be tried again")

    async def _drive(self, record: Record) -> None:
        rollout_id = record.rollout.id
        beside = [
            asyncio.create_task(self._renew(rollout_id, asyncio.current_task())),
            asyncio.create_task(self._asking_again(rollout_id)),
        ]
        try:
            while not record.rollout.state.ended:
                record = await self._step(record)
                if not record.rollout.state.ended:
                    await asyncio.sleep(self._tick)
        except LeaseLost:
            _LOG.warning("another registry drives the rollout now", rollout=rollout_id)
        except asyncio.CancelledError:
            with suppress(ColonnadeError):
                await asyncio.shield(self._store.release(rollout_id, self._holder))
            raise
        except Exception:
            # The lease is left to run out: what fails at once is not tried again at once.
            _LOG.exception("a rollout was given up for now", rollout=rollout_id)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _renew(self, rollout_id: str, driver: "asyncio.Task[None] | None") -> None:
        """Stops the driver where the lease is lost: a gate may take longer than one."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                await self._store.renew(rollout_id, self._holder, self._clock() + self._lease)
            except Unavailable as error:
                _LOG.warning("the lease was not renewed; it will be tried again", reason=error.message)
            except ColonnadeError:
                if driver is not None:
                    driver.cancel()
                return

    async def _step(self, record: Record) -> Record:
        rollout = record.rollout
        waiting = len(rollout.gates) < len(rollout.plan.gates)
        try:
            if rollout.state is State.GATES and waiting and not rollout.paused:
                return await self._gate(rollout)
            return await self._ticked(rollout)
        except Unavailable as error:
            _LOG.warning("a rollout waits", rollout=rollout.id, reason=error.message)
            return record

    async def _gate(self, rollout: Rollout) -> Record:
        at, gate = len(rollout.gates), rollout.plan.gates[len(rollout.gates)]
        result = await self._patiently(rollout, gate)

        def judged(record: Record) -> tuple[Rollout, Event | None]:
            now = self._clock()
            if record.rollout.state is not State.GATES or len(record.rollout.gates) != at:
                return record.rollout, None  # somebody has ended it meanwhile
            after = machine.judged(record.rollout, result, now)
            words = f"{gate.probe} {result.outcome}: {result.why}"
            return after, Event(now, after.state if after.state.ended else "gate", _BY, words)

        return await self._changed(rollout, judged)

    async def _patiently(self, rollout: Rollout, gate: Gate) -> GateResult:
        deadline = self._clock() + timedelta(seconds=_PATIENCE_SECONDS)
        while True:
            try:
                return await self._asked(rollout, gate)
            except ColonnadeError as error:
                if not isinstance(error, Unavailable) or self._clock() > deadline:
                    return GateResult(Outcome.FAILED, why=f"the version could not be asked: {error.message}")
            await asyncio.sleep(self._tick)

    async def _asked(self, rollout: Rollout, gate: Gate) -> GateResult:
        candidate = await self._manifest(rollout.model, rollout.candidate)
        before = max(rollout.stable, key=lambda target: target.weight, default=None)
        stable = await self._manifest(rollout.model, before.version) if before else None
        return await self._evaluator.ask(gate, candidate, stable)

    async def _asking_again(self, rollout_id: str) -> None:
        """Those gates that the plan wants asked again, beside what else is watched: one may take minutes."""
        due: dict[int, datetime] = {}
        while True:
            try:
                rollout = (await self._found(rollout_id)).rollout
                watched = rollout.state in (State.SHADOW, State.CANARY)
                for at, gate in enumerate(rollout.plan.gates if watched else ()):
                    if gate.every and due.setdefault(at, self._clock() + _pause(gate)) <= self._clock():
                        await self._again(rollout, at)
                        due[at] = self._clock() + _pause(gate)
            except LeaseLost:
                return
            except ColonnadeError as error:  # asked in vain: those who fail live break objectives
                _LOG.warning("a gate was not asked again", rollout=rollout_id, reason=error.message)
            except Exception:
                _LOG.exception("a gate was not asked again", rollout=rollout_id)
            await asyncio.sleep(self._tick)

    async def _again(self, rollout: Rollout, at: int) -> None:
        gate, before = rollout.plan.gates[at], rollout.gates[at].outcome
        result = await self._asked(rollout, gate)

        def told(record: Record) -> tuple[Rollout, Event | None]:
            now = self._clock()
            after = machine.asked_again(record.rollout, at, result, now)
            if after == record.rollout or (result.outcome is before and not after.state.ended):
                return after, None
            words = f"{gate.probe} {result.outcome}: {result.why}"
            return after, Event(now, after.state if after.state.ended else "gate", _BY, words)

        await self._changed(rollout, told)

    async def _ticked(self, rollout: Rollout) -> Record:
        candidate, stable = await self._store.observed(rollout.id, rollout.phase)

        def ticked(record: Record) -> tuple[Rollout, Event | None]:
            now = self._clock()
            if record.rollout.phase != rollout.phase:
                return record.rollout, None  # what was seen is of another phase
            after = machine.ticked(record.rollout, candidate, stable, now)
            if after == record.rollout:
                return after, None
            return after, Event(now, after.state if after.state.ended else "step", _BY, _told(after))

        if machine.ticked(rollout, candidate, stable, self._clock()) == rollout:
            return await self._found(rollout.id)
        return await self._changed(rollout, ticked)

    async def _found(self, rollout_id: str) -> Record:
        found = await self._store.find(rollout_id)
        if found is None:
            raise LeaseLost("the rollout is gone")
        return found

    async def _changed(
        self, rollout: Rollout, change: Callable[[Record], tuple[Rollout, Event | None]]
    ) -> Record:
        """The alias moves in the registry's name; the audit record says why, unless a person had said it."""
        before = ""

        def changed(record: Record) -> tuple[Rollout, Event | None]:
            nonlocal before
            before = record.rollout.reason
            return change(record)

        record = await self._store.change(rollout.id, changed, by=_BY, at=self._clock(), holder=self._holder)
        after = record.rollout
        why = after.reason if after.reason != before else ""
        if (after.phase, len(after.gates)) != (rollout.phase, len(rollout.gates)):
            targets = ",".join(f"{target.version}={target.weight}" for target in after.targets)
            self._trail.note(
                "registry.rollout.step", _PRINCIPAL, after.state.value, rollout=after.id, model=after.model,
                alias=after.alias, targets=targets, why=why,
            )  # fmt: skip
            _LOG.info("rollout", rollout=after.id, state=after.state.value, step=after.step, why=why)
        return record

    async def _manifest(self, model: str, version: int) -> Manifest:
        found = await self._versions.find_targets(Reference(model, "", version))
        return found[0][0]


def _pause(gate: Gate) -> timedelta:
    return timedelta(seconds=gate.every)


def _told(rollout: Rollout) -> str:
    if rollout.state is State.CANARY:
        return f"{rollout.plan.steps[rollout.step].percent} percent"
    return rollout.reason
