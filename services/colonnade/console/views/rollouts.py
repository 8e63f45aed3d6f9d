"""A rollout in words: where it stands, what may be done to it, how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from colonnade.client import Plan, Rollout, RolloutStep
from colonnade.console.views.acts import Act
from colonnade.console.views.formats import lasting, number

ITSELF = "platform/registry"
"""Who did what no person asked for."""
_STATES = {
    "gates": "at its gates",
    "shadow": "in the shadow",
    "canary": "canary",
    "promoted": "promoted",
    "refused": "refused",
    "rolled_back": "rolled back",
    "cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the plan. ``state``: done, now, ahead, failed or skipped."""

    title: str
    told: str
    state: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, and whether one has to look."""

    title: str
    reason: str
    bad: bool


def state_of(rollout: Rollout) -> str:
    """``canary, step 1 of 2 (10 %), paused``"""
    told = _STATES.get(rollout.state, rollout.state)
    if rollout.state == "gates":
        told += f", {len(rollout.gates)} of {len(rollout.plan.gates)} asked"
    elif rollout.state == "canary" and rollout.step < len(rollout.plan.steps):
        percent = rollout.plan.steps[rollout.step].percent
        told += f", step {rollout.step + 1} of {len(rollout.plan.steps)} ({percent} %)"
    return f"{told}, paused" if rollout.paused else told


def stages(rollout: Rollout) -> tuple[Stage, ...]:
    """The whole plan, with where it stands in it."""
    titles = titles_of(rollout.plan)
    at = _position(rollout)
    return tuple(
        Stage(title, told, _state_at(rollout, number_, at, len(titles)))
        for number_, (title, told) in enumerate(titles)
    )


def titles_of(plan: Plan) -> list[tuple[str, str]]:
    """Each stage of a plan, and what it asks."""
    found = [("Gates", _counted(len(plan.gates), "gate"))] if plan.gates else []
    if plan.shadow:
        found.append((f"Shadow, {plan.shadow.percent} %", asked_of(plan.shadow)))
    found += [(f"{step.percent} %", asked_of(step)) for step in plan.steps]
    return [*found, ("Promoted", "all requests")]


def asked_of(step: RolloutStep) -> str:
    """``at least 2 min and 20 requests``"""
    asked = [lasting(step.seconds)] if step.seconds else []
    asked += [_counted(step.requests, "request")] if step.requests else []
    return f"at least {' and '.join(asked)}" if asked else "goes on at once"


def acts_of(rollout: Rollout, refused: str = "") -> tuple[Act, ...]:
    """``refused``: why the gateway lets whoever is there do none of it."""
    over = f"It has ended: it is {_STATES.get(rollout.state, rollout.state)}." if rollout.ended else ""
    why_not = refused or over
    paused, at_gates = rollout.paused, rollout.state == "gates"
    back = "The alias means what it meant before, for all requests at once."
    return (
        Act(
            "pause",
            "Pause",
            "It goes no further by itself. An objective that breaks still takes it back.",
            why_not or ("It is paused already." if paused else ""),
        ),
        Act("resume", "Resume", "Its step begins anew.", why_not or ("" if paused else "It is not paused.")),
        Act(
            "promote",
            "Promote",
            "The candidate gets all requests at once.",
            why_not or ("Its gates are not passed yet." if at_gates else ""),
        ),
        Act("roll_back", "Roll back", back, why_not),
    )


def ending_of(rollout: Rollout) -> Ending | None:
    """None while it is under way."""
    alias, reason = f"{rollout.model}@{rollout.alias}", rollout.reason
    if not rollout.ended:
        return None
    if rollout.promoted:
        return Ending(f"Promoted: {alias} means version {rollout.candidate}", reason, bad=False)
    if rollout.state == "refused":
        return Ending("Refused: the candidate did not pass its gates, and nobody got it", reason, bad=True)
    if rollout.state == "cancelled":
        return Ending("Cancelled before anybody got the candidate", reason, bad=False)
    itself = "" if by_hand(rollout) else " by itself"
    return Ending(f"Rolled back{itself}: {alias} means {_meant(rollout)} again", reason, bad=True)


def by_hand(rollout: Rollout) -> bool:
    """Whether a person ended it. (Its list has no events; its reason says it as well.)"""
    last = next((event for event in reversed(rollout.events) if event.what == rollout.state), None)
    return last.by != ITSELF if last else " by " in rollout.reason.partition(":")[0]


def age(when: datetime | None, now: datetime | None = None) -> str:
    if when is None:
        return "unknown"
    passed = max(0.0, ((now or datetime.now(UTC)) - when).total_seconds())
    return f"{lasting(passed)} ago"


def progress_of(rollout: Rollout, now: datetime | None = None) -> str:
    """How far the stage is: its time, and the candidate's requests."""
    if rollout.ended or rollout.since is None:
        return ""
    passed = max(0.0, ((now or datetime.now(UTC)) - rollout.since).total_seconds())
    step = _step_of(rollout)
    told = [f"{passed:.0f} s" + (f" of at least {step.seconds:g} s" if step and step.seconds else "")]
    if rollout.state == "canary" and step:
        least = f" of at least {number(step.requests)}" if step.requests else ""
        told.append(f"{number(rollout.outcomes.candidate.requests)}{least} requests of the candidate")
    return f"{state_of(rollout)}: " + ", ".join(told)


def _step_of(rollout: Rollout) -> RolloutStep | None:
    if rollout.state == "shadow":
        return rollout.plan.shadow
    steps: Sequence[RolloutStep] = rollout.plan.steps if rollout.state == "canary" else ()
    return steps[rollout.step] if rollout.step < len(steps) else None


def _position(rollout: Rollout) -> int:
    """Of the stage that it is in, or that it ended in."""
    plan, before = rollout.plan, 1 if rollout.plan.gates else 0
    canary = before + (1 if plan.shadow else 0) + rollout.step
    went_on = any(event.what == "step" for event in rollout.events)
    if rollout.state == "refused":
        return before if plan.shadow and "asked again" in rollout.reason else 0
    if rollout.state == "gates":
        return 0
    if rollout.state in ("canary", "rolled_back"):
        return canary
    if rollout.state == "cancelled" and len(rollout.gates) < len(plan.gates):
        return 0
    return canary if rollout.promoted and (went_on or not plan.shadow) else before


def _state_at(rollout: Rollout, number_: int, at: int, of: int) -> str:
    if rollout.promoted:
        skipped = by_hand(rollout) and at < number_ < of - 1
        return "skipped" if skipped else "done"
    if number_ != at:
        return "done" if number_ < at else "ahead"
    return "failed" if rollout.ended else "now"


def _meant(rollout: Rollout) -> str:
    shares = rollout.stable
    if len(shares) == 1:
        return f"version {shares[0].version}"
    return ", ".join(f"version {each.version} ({each.weight} %)" for each in shares) or "nothing"


def _counted(count: int, what: str) -> str:
    return f"{number(count)} {what}" + ("" if count == 1 else "s")
