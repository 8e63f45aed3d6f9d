"""What people and gateways ask of rollouts."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.registry.domain import DEFAULT_ALIAS, Manifest, Reference, Resolution, Target
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail, VersionStore
from colonnade.registry.rollouts import machine
from colonnade.registry.rollouts.machine import Rollout
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.plan import Plan
from colonnade.registry.rollouts.policies import Policy
from colonnade.registry.rollouts.ports import Event, Record, RolloutStore
from colonnade.registry.service import actor, utc_now
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import alias_name, check_text, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE
from colonnade.security.inputs.once import Once

PAGE_SIZE = 50
WHY_BYTES = 1000
_MOST_BYTES = 64
"""Of an id, a phase, and what a gateway calls itself."""
_PLAN = TypeAdapter(Plan)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for; without a plan the policy's, without a policy the default one's."""

    model: str
    version: int
    alias: str = ""
    policy: str = ""
    plan: Plan | None = None
    why: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A rollout, with what was seen since its state, or its step, began; at its end, before it ended."""

    record: Record
    candidate: Observed
    stable: Observed
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """What a gateway needs of a rollout."""

    rollout: Rollout
    candidate: Manifest
    stable: Manifest | None
    """Answers what the candidate fails."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one gateway saw of a rollout in one phase."""

    rollout: str
    phase: str
    candidate: Observed
    stable: Observed


class Rollouts:
    def __init__(
        self,
        store: RolloutStore,
        versions: VersionStore,
        trail: AuditTrail,
        policies: Mapping[str, Policy],
        *,
        default_policy: str,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``wake`` tells who drives rollouts that there is something to do."""
        self._store = store
        self._versions = versions
        self._owners = Owners(versions)
        self._trail = trail
        self.policies = policies
        self._default_policy = default_policy
        self._wake = wake
        self._clock = clock

    async def start(self, order: Order, principal: Principal) -> Record:
        model_name(order.model, "model")
        alias = alias_name(order.alias or DEFAULT_ALIAS)
        why = _words(order.why)
        policy, plan = self._plan(order)
        await self._manifest(order.model, order.version)
        by, now = actor(principal), self._clock()
        once = _once(order, alias, policy, plan, by)
        facts = {"model": order.model, "alias": alias, "version": order.version, "policy": policy, "why": why}

        def make(targets: Sequence[Target]) -> tuple[Record, Event]:
            rollout_id = f"ro_{int(now.timestamp() * 1e6):016x}{uuid.uuid4().hex[:12]}"
            rollout = machine.begun(rollout_id, order.model, alias, order.version, targets, plan, now)
            return Record(rollout, policy, now, by, now), Event(now, "begun", by, why)

        async with privileged(
            self._trail, "registry.rollout.start", principal, acknowledge=True, **facts
        ) as learnt:
            await self._owners.check(order.model, principal)
            record = await self._store.begin(order.model, alias, make, once)
            learnt["rollout"] = record.rollout.id
        self._wake()
        return record

    async def get(self, rollout_id: str) -> Detail:
        record = await self._store.find(_short(rollout_id, "rollout"))
        if record is None:
            raise NotFound(f"there is no rollout {rollout_id}", field="rollout")
        phase = record.rollout.ended_in or record.rollout.phase
        candidate, stable = await self._store.observed(rollout_id, phase)
        return Detail(record, candidate, stable, await self._store.events(rollout_id))

    async def page(
        self, *, model: str = "", under_way: bool = False, page_size: int = 0, page_token: str = ""
    ) -> tuple[Sequence[Record], str]:
        """Newest first, and the token of the next page, if there is one."""
        if not 0 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidArgument(
                f"page_size must be 0 to {MAX_PAGE_SIZE}", field="page_size", limit=MAX_PAGE_SIZE
            )
        size = page_size or PAGE_SIZE
        name, before = model_name(model, "model") if model else "", _short(page_token, "page_token")
        found = await self._store.page(model=name, under_way=under_way, before=before, limit=size + 1)
        return found[:size], found[size - 1].rollout.id if len(found) > size else ""

    async def change(
        self, rollout_id: str, act: str, principal: Principal, *, why: str = "", expected: int | None = None
    ) -> Record:
        """``act`` is pause, resume, promote or roll_back. ``Conflict`` where it has another revision."""
        why, by, now = _words(why), actor(principal), self._clock()
        _short(rollout_id, "rollout")
        if act not in _ACTS:
            raise InvalidArgument(f"act must be one of {', '.join(_ACTS)}", field="act")

        def changed(record: Record) -> tuple[Rollout, Event | None]:
            if expected is not None and record.revision != expected:
                raise Conflict(
                    f"the rollout has revision {record.revision}, not {expected}; look at it again",
                    field="expected_revision",
                    revision=record.revision,
                )
            after = _ACTS[act](record.rollout, now, by, why)
            event = Event(now, after.state if after.state.ended else act, by, why)
            return after, None if after == record.rollout else event

        facts = {"rollout": rollout_id, "act": act, "why": why}
        async with privileged(self._trail, "registry.rollout.change", principal, acknowledge=True, **facts):
            await self._check_owner(rollout_id, principal)
            record = await self._store.change(rollout_id, changed, by=by, at=now)
        self._wake()
        return record

    async def report(self, instance: str, seen: Sequence[Seen]) -> None:
        """What a gateway saw; of phases that are over it changes nothing."""
        _short(instance, "instance")
        for each in seen:
            _short(each.rollout, "seen.rollout")
            _short(each.phase, "seen.phase")
            await self._store.report(each.rollout, each.phase, instance, each.candidate, each.stable)

    async def watched(self, resolution: Resolution) -> Watched | None:
        """The rollout of the alias that was resolved, while one is under way."""
        if not resolution.alias:
            return None
        record = await self._store.under_way(resolution.name, resolution.alias)
        if record is None:
            return None
        rollout = record.rollout
        stable = max(rollout.stable, key=lambda target: target.weight, default=None)
        return Watched(
            rollout,
            await self._manifest(rollout.model, rollout.candidate),
            await self._manifest(rollout.model, stable.version) if stable else None,
        )

    async def _check_owner(self, rollout_id: str, principal: Principal) -> None:
        if record := await self._store.find(rollout_id):
            await self._owners.check(record.rollout.model, principal)

    def _plan(self, order: Order) -> tuple[str, Plan]:
        if order.plan is not None:
            if order.policy:
                raise InvalidArgument("give a policy or a plan, not both", field="plan")
            return "", order.plan
        name = order.policy or self._default_policy
        if name not in self.policies:
            known = ", ".join(sorted(self.policies))
            raise NotFound(f"there is no policy {name}; there are {known}", field="policy")
        return name, self.policies[name].plan

    async def _manifest(self, model: str, version: int) -> Manifest:
        found = await self._versions.find_targets(Reference(model, "", version)) if version > 0 else ()
        if not found:
            raise NotFound(f"model {model} has no version {version}", field="version")
        return found[0][0]


_ACTS: Mapping[str, Callable[[Rollout, datetime, str, str], Rollout]] = {
    "pause": lambda rollout, now, by, why: machine.paused(rollout, by=by),
    "resume": lambda rollout, now, by, why: machine.resumed(rollout, now, by=by),
    "promote": lambda rollout, now, by, why: machine.promoted(rollout, now, by=by),
    "roll_back": lambda rollout, now, by, why: machine.taken_back(rollout, now, by=by, why=why),
}


def _short(text: str, field: str) -> str:
    """What names a row: of one that is no name there is no row."""
    return check_text(text, field, _MOST_BYTES, allow_empty=True, controls="line")


def _words(why: str) -> str:
    return check_text(why, "why", WHY_BYTES, allow_empty=True)


def _once(order: Order, alias: str, policy: str, plan: Plan, owner: str) -> Once | None:
    asked = (order.model, alias, str(order.version), policy, _PLAN.dump_json(plan).decode())
    return Once.of(owner, order.idempotency_key, *asked)
