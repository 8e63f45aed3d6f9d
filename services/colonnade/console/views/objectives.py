"""Gates and objectives: the candidate's figures beside the stable version's and their bounds."""

import math
from dataclasses import dataclass
from typing import ClassVar

from colonnade.client import Figures, Gate, GateResult, Rollout
from colonnade.console.views.formats import lasting, number, seconds

_UPPER = frozenset({"error_rate", "first_token_p95", "perplexity", "bias"})
"""Measures of which less is better."""
_NAMES = {
    "error_rate": "Error rate",
    "first_token_p95": "First token, p95",
    "tokens_per_second": "Tokens a second",
    "perplexity": "Perplexity",
    "tasks": "Questions answered",
    "bias": "Bias",
    "safety": "Safety",
}
_PERCENTS = frozenset({"error_rate", "tasks"})
_WHOLE_FROM = 1000
NOTHING = "\u2013"


@dataclass(frozen=True, slots=True)
class Objective:
    """A line of the table; ``verdict``: within, beyond, broken, or nothing seen yet."""

    FIGURES: ClassVar = ("candidate", "stable", "bound", "verdict")

    name: str
    candidate: str
    stable: str
    bound: str
    verdict: str


def name_of(measure: str) -> str:
    return _NAMES.get(measure, measure)


def objectives_of(rollout: Rollout) -> list[Objective]:
    """Requests first, then each objective of the plan."""
    candidate, stable = rollout.outcomes.candidate, rollout.outcomes.stable
    return [
        Objective("Requests", number(candidate.requests), number(stable.requests), "", ""),
        *(
            _objective(measure, bound, candidate, stable)
            for measure, bound in rollout.plan.objectives.items()
        ),
    ]


def broken_of(rollout: Rollout) -> list[bool]:
    """Whether it ended by this, for each line of ``objectives_of``."""
    ended = rollout.state == "rolled_back"
    return [False, *(ended and rollout.reason.startswith(f"{each} is ") for each in rollout.plan.objectives)]


def _objective(measure: str, bound: str, candidate: Figures, stable: Figures) -> Objective:
    figure, beside = (getattr(each, measure, None) for each in (candidate, stable))
    return Objective(
        name_of(measure),
        figure_of(measure, figure),
        figure_of(measure, beside),
        bound_of(measure, bound, beside),
        _verdict(measure, bound, figure, beside),
    )


def gate_rows(rollout: Rollout) -> list[tuple[str, ...]]:
    """Each gate of the plan: its figure, the stable version's, the bound, how it went and why."""
    results = [*rollout.gates, *[None] * (len(rollout.plan.gates) - len(rollout.gates))]
    return [
        _gate_row(gate, result, rollout) for gate, result in zip(rollout.plan.gates, results, strict=False)
    ]


def _gate_row(gate: Gate, result: GateResult | None, rollout: Rollout) -> tuple[str, ...]:
    beside = result.stable if result else None
    waiting = "not asked" if rollout.ended else "waits"
    return (
        name_of(gate.probe) + (f" ({gate.texts})" if gate.texts else ""),
        figure_of(gate.probe, result.figure if result else None),
        figure_of(gate.probe, beside),
        gate_bound(gate, beside),
        result.outcome if result else waiting,
        result.why if result else "",
    )


def gate_bound(gate: Gate, stable: float | None = None) -> str:
    told = bound_of(gate.probe, gate.bound, stable)
    if gate.optional:
        told += "; skipped where it cannot be asked"
    return f"{told}; asked again every {lasting(gate.every_seconds)}" if gate.every_seconds else told


def bound_of(measure: str, bound: str, stable: float | None = None) -> str:
    """``at most 2 times the stable version's: 480 ms``"""
    side = "at most" if measure in _UPPER else "at least"
    if not bound.endswith("x"):
        value = _number(bound)
        return f"{side} {bound if value is None else figure_of(measure, value)}"
    told = f"{side} {bound[:-1]} times the stable version's"
    limit = _limit(bound, stable)
    return told if limit is None else f"{told}: {figure_of(measure, limit)}"


def figure_of(measure: str, value: float | None) -> str:
    if value is None:
        return NOTHING
    if measure in _PERCENTS:
        return f"{value * 100:.3g} %"
    if measure == "first_token_p95":
        return seconds(value)
    whole = math.isfinite(value) and abs(value) >= _WHOLE_FROM
    return number(round(value)) if whole else f"{value:.4g}"


def _verdict(measure: str, bound: str, figure: float | None, stable: float | None) -> str:
    limit = _limit(bound, stable)
    if figure is None or limit is None:
        return "nothing seen yet"
    within = figure <= limit if measure in _UPPER else figure >= limit
    return "within" if within else "beyond"


def _limit(bound: str, stable: float | None) -> float | None:
    value = _number(bound.removesuffix("x"))
    if value is None or not bound.endswith("x"):
        return value
    return None if stable is None else value * stable


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
