"""Shows a rollout as it goes: a picture in a terminal; elsewhere a line each time that something changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from colonnade.cli.terminal import err, human_seconds, printable, remark

if TYPE_CHECKING:
    from colonnade.client import Figures, Rollout

_BAR = 40
_FULL = "█"


class Show(Protocol):
    def __call__(self, rollout: "Rollout") -> None: ...


@contextmanager
def showing() -> Iterator[Show]:
    if not err().is_terminal:
        yield _Lines()
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=err(), auto_refresh=False, transient=True) as live:
        yield lambda rollout: live.update(Text("\n".join(map(printable, frame(rollout)))), refresh=True)


def frame(rollout: "Rollout", now: datetime | None = None) -> list[str]:
    """Where it is, what the alias means, its gates, and its objectives with their figures."""
    what = f"{rollout.model}@{rollout.alias} to version {rollout.candidate}"
    return [
        f"{what}: {told(rollout)}{_since(rollout, now)}",
        *([f"  {rollout.reason}"] if rollout.reason else []),
        *[
            f"  {target.version:>4}  {_FULL * max(1, round(target.weight * _BAR / 100))} {target.weight} %"
            for target in rollout.targets
        ],
        *[f"  gate {gate.probe} {gate.bound}: {gate.outcome}, {gate.why}" for gate in rollout.gates],
        *_objectives(rollout),
    ]


def told(rollout: "Rollout") -> str:
    """``canary, step 1 of 2 (10 %)``"""
    where = rollout.state
    if rollout.state == "gates":
        where += f", {len(rollout.gates)} of {len(rollout.plan.gates)} asked"
    elif rollout.state == "canary":
        step = rollout.plan.steps[rollout.step]
        where += f", step {rollout.step + 1} of {len(rollout.plan.steps)} ({step.percent} %)"
    return f"{where}, paused" if rollout.paused else where


class _Lines:
    def __init__(self) -> None:
        self._shown = ""

    def __call__(self, rollout: "Rollout") -> None:
        if (now := told(rollout)) != self._shown:
            self._shown = now
            remark(f"  {now}")


def _since(rollout: "Rollout", now: datetime | None) -> str:
    if rollout.since is None or rollout.ended:
        return ""
    passed = ((now or datetime.now(UTC)) - rollout.since).total_seconds()
    return f", for {human_seconds(max(0.0, passed))}"


def _objectives(rollout: "Rollout") -> list[str]:
    if rollout.state != "canary":
        return []
    candidate, stable = rollout.outcomes.candidate, rollout.outcomes.stable
    step = rollout.plan.steps[rollout.step]
    least = f" of at least {step.requests}" if step.requests else ""
    return [
        f"  requests of the candidate: {candidate.requests}{least}; of the stable version: {stable.requests}",
        *[
            f"  {measure} {bound}: {_figure(candidate, measure)}, stable {_figure(stable, measure)}"
            for measure, bound in rollout.plan.objectives.items()
        ],
    ]


def _figure(figures: "Figures", measure: str) -> str:
    value = getattr(figures, measure, None)
    return "-" if value is None else f"{value:.3g}"
