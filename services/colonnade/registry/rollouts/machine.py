"""The states of a rollout. Pure: from one rollout, what happened and the time, to the next.

    gates -> shadow -> canary (step by step) -> promoted
      |        |          |
      +--------+----------+--> refused, rolled back, cancelled

Nobody gets the candidate before the canary. What ends a rollout before it ends it as ``refused`` (by a gate)
or ``cancelled`` (by a person); afterwards as ``rolled_back``, by an objective, a gate that was asked again or
a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from colonnade.errors import Conflict, InvalidArgument
from colonnade.registry.domain import Target
from colonnade.registry.rollouts.observation import Observed, breach
from colonnade.registry.rollouts.plan import Plan, Step

_ALL = 100
_MOST_TARGETS = 10


class State(StrEnum):
    GATES = "gates"
    SHADOW = "shadow"
    CANARY = "canary"
    PROMOTED = "promoted"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (State.GATES, State.SHADOW, State.CANARY)


class Outcome(StrEnum):
    """How a gate went."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """What it needs is not there, and the plan does not insist."""


@dataclass(frozen=True, slots=True)
class GateResult:
    outcome: Outcome
    figure: float | None = None
    stable: float | None = None
    """The stable version's figure, where it was asked too."""
    why: str = ""
    """For people."""
    suite_digest: str = ""
    """Of the set that was asked, where there is one."""


@dataclass(frozen=True, slots=True)
class Rollout:
    id: str
    model: str
    alias: str
    candidate: int
    stable: tuple[Target, ...]
    """What the alias meant when the rollout began; none where there was no such alias."""
    plan: Plan
    state: State
    since: datetime
    """When the state, or the canary's step, began."""
    step: int = 0
    """Of the canary."""
    gates: tuple[GateResult, ...] = ()
    """Of those that were asked, in the plan's order."""
    paused: bool = False
    """It goes no further by itself; an objective that breaks still takes it back."""
    reason: str = ""
    """Why it is where it is, for people."""
    ended_in: str = ""
    """The phase that it was in when it ended: what was seen then is what its end was judged by."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the alias means now."""
        if self.state is State.PROMOTED:
            return (Target(self.candidate, _ALL),)
        if self.state is State.CANARY:
            return shared(self.stable, self.candidate, self.plan.steps[self.step].percent)
        return self.stable

    @property
    def phase(self) -> str:
        """Names the state and the step: another one as soon as what was seen before counts no more."""
        return f"{self.state}-{self.step}-{round(self.since.timestamp() * 1e6)}"

    @property
    def shadow_percent(self) -> int:
        """Of the requests, that the candidate gets a copy of."""
        shadow = self.plan.shadow
        return shadow.percent if shadow and self.state is State.SHADOW else 0


def begun(
    id: str,  # noqa: A002 - the rollout's own
    model: str,
    alias: str,
    candidate: int,
    stable: Sequence[Target],
    plan: Plan,
    now: datetime,
) -> Rollout:
    """``InvalidArgument`` where the alias means the candidate already, or has no room for it."""
    if any(target.version == candidate for target in stable):
        raise InvalidArgument(
            f"{model}@{alias} means version {candidate} already; name another version, or move the alias to "
            "one without it first",
            field="version",
        )
    if len(stable) >= _MOST_TARGETS:
        raise InvalidArgument(
            f"{model}@{alias} means {len(stable)} versions already; {_MOST_TARGETS} is the most",
            field="alias",
            limit=_MOST_TARGETS,
        )
    for step in plan.steps:
        shared(stable, candidate, step.percent)
    first = Rollout(id, model, alias, candidate, tuple(stable), plan, State.GATES, now)
    return first if plan.gates else _after_gates(first, now)


def judged(rollout: Rollout, result: GateResult, now: datetime) -> Rollout:
    """The next gate was asked."""
    if rollout.state is not State.GATES:
        raise Conflict(f"the rollout is {rollout.state}; no gate is asked any more")
    gate = rollout.plan.gates[len(rollout.gates)]
    rollout = replace(rollout, gates=(*rollout.gates, result))
    if result.outcome is Outcome.FAILED:
        return _ended(rollout, State.REFUSED, f"the gate {gate.probe} failed: {result.why}", now)
    done = len(rollout.gates) == len(rollout.plan.gates)
    return _after_gates(rollout, now) if done and not rollout.paused else rollout


def asked_again(rollout: Rollout, at: int, result: GateResult, now: datetime) -> Rollout:
    """A gate was asked again while the candidate was watched; nothing where it is watched no more."""
    if rollout.state not in (State.SHADOW, State.CANARY):
        return rollout
    rollout = replace(rollout, gates=(*rollout.gates[:at], result, *rollout.gates[at + 1 :]))
    if result.outcome is not Outcome.FAILED:
        return rollout
    state = State.ROLLED_BACK if rollout.state is State.CANARY else State.REFUSED
    probe = rollout.plan.gates[at].probe
    return _ended(rollout, state, f"the gate {probe} failed when it was asked again: {result.why}", now)


def ticked(rollout: Rollout, candidate: Observed, stable: Observed, now: datetime) -> Rollout:
    """What was seen of both versions since the state, or the step, began."""
    if rollout.state is State.CANARY and (why := breach(rollout.plan, candidate, stable)):
        return _ended(rollout, State.ROLLED_BACK, why, now)
    if rollout.state.ended or rollout.paused:
        return rollout
    if rollout.state is State.GATES:
        done = len(rollout.gates) == len(rollout.plan.gates)
        return _after_gates(rollout, now) if done else rollout
    step = _current(rollout)
    if now - rollout.since < timedelta(seconds=step.seconds) or candidate.answers < step.requests:
        return rollout
    return _further(rollout, now)


def paused(rollout: Rollout, *, by: str) -> Rollout:
    _check_goes_on(rollout)
    return replace(rollout, paused=True, reason=f"paused by {by}")


def resumed(rollout: Rollout, now: datetime, *, by: str) -> Rollout:
    """A step that was paused begins anew."""
    _check_goes_on(rollout)
    return replace(rollout, paused=False, since=now, reason=f"resumed by {by}") if rollout.paused else rollout


def promoted(rollout: Rollout, now: datetime, *, by: str) -> Rollout:
    """All requests, at once, by a person. Gates that were not passed cannot be passed over."""
    _check_goes_on(rollout)
    if rollout.state is State.GATES:
        raise Conflict("the gates are not passed yet; wait for them, or cancel the rollout")
    return _ended(rollout, State.PROMOTED, f"promoted by {by}", now)


def taken_back(rollout: Rollout, now: datetime, *, by: str, why: str = "") -> Rollout:
    """The alias means what it meant before, at once, by a person."""
    _check_goes_on(rollout)
    state = State.ROLLED_BACK if rollout.state is State.CANARY else State.CANCELLED
    words = f"{'rolled back' if state is State.ROLLED_BACK else 'cancelled'} by {by}"
    return _ended(rollout, state, f"{words}: {why}" if why else words, now)


def shared(stable: Sequence[Target], candidate: int, percent: int) -> tuple[Target, ...]:
    """The candidate's percent, and the rest in the proportions of before: rounded by largest remainders, each
    version that had a share keeps at least one percent."""
    rest = _ALL - percent
    if not stable or percent == _ALL:
        return (Target(candidate, _ALL),)
    spare = rest - len(stable)
    if spare < 0:
        raise InvalidArgument(
            f"{percent} percent leave less than one for each of {len(stable)} versions", field="percent"
        )
    total = sum(target.weight for target in stable)
    exact = [spare * target.weight / total for target in stable]
    weights = [1 + int(share) for share in exact]
    by_remainder = sorted(range(len(stable)), key=lambda at: (int(exact[at]) - exact[at], at))
    for at in by_remainder[: rest - sum(weights)]:
        weights[at] += 1
    kept = [Target(target.version, weight) for target, weight in zip(stable, weights, strict=True)]
    return (*kept, Target(candidate, percent))


def _current(rollout: Rollout) -> Step:
    shadow = rollout.plan.shadow
    if rollout.state is State.SHADOW and shadow:
        return shadow
    return rollout.plan.steps[rollout.step]


def _after_gates(rollout: Rollout, now: datetime) -> Rollout:
    if rollout.plan.shadow and rollout.stable:
        return replace(rollout, state=State.SHADOW, since=now, reason="")
    return _first_step(rollout, now)


def _first_step(rollout: Rollout, now: datetime) -> Rollout:
    if rollout.plan.steps and rollout.stable:
        return replace(rollout, state=State.CANARY, step=0, since=now, reason="")
    return _ended(rollout, State.PROMOTED, "passed all that its plan asks", now)


def _further(rollout: Rollout, now: datetime) -> Rollout:
    if rollout.state is State.SHADOW:
        return _first_step(rollout, now)
    if rollout.step + 1 < len(rollout.plan.steps):
        return replace(rollout, step=rollout.step + 1, since=now, reason="")
    return _ended(rollout, State.PROMOTED, "passed all that its plan asks", now)


def _ended(rollout: Rollout, state: State, reason: str, now: datetime) -> Rollout:
    return replace(rollout, state=state, since=now, paused=False, reason=reason, ended_in=rollout.phase)


def _check_goes_on(rollout: Rollout) -> None:
    if rollout.state.ended:
        raise Conflict(f"the rollout has ended: it is {rollout.state}")
