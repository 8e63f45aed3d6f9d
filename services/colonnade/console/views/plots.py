"""Curves in a plot: what is drawn, and the same in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from colonnade.console.views.curves import Measured, Points, thinned
from colonnade.console.views.formats import amount, number, size

_WHOLE_FROM, _SHORT_FROM = 10_000, 10**9
_ALONE = 40
"""So few points are marked one by one."""
_DIGITS = 5
_HUES = 4


@dataclass(frozen=True, slots=True)
class Line:
    """``hue``: its colour's number in the stylesheet."""

    label: str
    points: Points
    hue: int = 1
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """``least``: whether less of it is better, so that the least is told as well."""

    title: str
    figure: str
    lines: tuple[Line, ...]
    least: bool = False
    scale: float = 1.0
    """What is drawn is so many times what was measured."""


def plots_of(run: Measured) -> tuple[Plot, ...]:
    """What there is to see of a run. Loss always has its place; the others where they were told."""
    others = (
        Plot("Learning rate", "learning_rate", _only(run, "learning_rate")),
        Plot("Gradient norm", "gradient_norm", _only(run, "gradient_norm")),
        Plot("Tokens a second", "tokens_per_second", _only(run, "tokens_per_second")),
        Plot("Accuracy", "accuracy", _both(run, "accuracy")),
        Plot("Memory (GB)", "memory", tuple(_memory(run)), scale=1e-9),
    )
    loss = Plot("Loss", "loss", _both(run, "loss"), least=True)
    return (loss, *(plot for plot in others if any(line.points for line in plot.lines)))


def losses_of(runs: Sequence[tuple[str, Measured]]) -> Plot:
    """Several runs in one: each has a colour, and its validation is dashed."""
    lines = [
        Line(f"{label}, {kind}", run.curve("loss", evaluation=evaluation), hue, evaluation)
        for hue, (label, run) in enumerate(runs, 1)
        for kind, evaluation in (("training", False), ("validation", True))
    ]
    return Plot("Loss", "loss", tuple(lines), least=True)


def words_of(plot: Plot) -> list[str]:
    """A sentence for each line that has points: where it is, and where it was best."""
    return [_told(plot, line) for line in plot.lines if line.points]


def figure_of(name: str, value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "no number"
    if "memory" in name and value >= 1:
        return size(round(value))
    if abs(value) >= _SHORT_FROM:
        return amount(round(value))
    return number(round(value)) if abs(value) >= _WHOLE_FROM else f"{value:.4g}"


def options_of(plot: Plot) -> dict[str, Any]:
    """For ECharts. Every key in it is ours: one that begins with a colon would be run as a script. Colours
    are the stylesheet's, which change with the theme without being sent again."""
    muted, line = {"color": "var(--muted)"}, {"lineStyle": {"color": "var(--line)"}}
    pointer = {"lineStyle": {"color": "var(--muted)"}, "label": {"show": False}}
    return {
        "animation": False,
        "grid": {"left": 12, "right": 20, "top": 14, "bottom": 26},
        "tooltip": {
            "trigger": "axis", "confine": True, "backgroundColor": "var(--sheet)", "transitionDuration": 0,
            "borderColor": "var(--line)", "textStyle": {"color": "var(--ink)"}, "axisPointer": pointer,
        },
        "xAxis": {
            "type": "value", "min": "dataMin", "max": "dataMax", "minInterval": 1, "axisLine": line,
            "axisLabel": muted | {"hideOverlap": True}, "splitLine": {"show": False},
            "axisPointer": {"label": {"precision": 0}},
        },
        "yAxis": {"type": "value", "scale": True, "axisLabel": muted, "splitLine": line},
        "series": series_of(plot),
    }  # fmt: skip


def series_of(plot: Plot) -> list[dict[str, Any]]:
    return [_series(line, plot.scale) for line in plot.lines]


def _series(line: Line, scale: float) -> dict[str, Any]:
    points = thinned(line.points)
    colour = f"var(--curve-{line.hue})"
    return {
        "type": "line",
        "name": line.label,
        "data": [[step, _rounded(value, scale)] for step, value in points],
        "showSymbol": len(points) <= _ALONE,
        "symbolSize": 5,
        "lineStyle": {"color": colour, "width": 2, "type": "dashed" if line.dashed else "solid"},
        "itemStyle": {"color": colour},
        "emphasis": {"disabled": True},
    }


def _only(run: Measured, name: str) -> tuple[Line, ...]:
    return (Line("training", run.curve(name)),)


def _both(run: Measured, name: str) -> tuple[Line, ...]:
    validation = Line("validation", run.curve(name, evaluation=True), hue=2, dashed=True)
    return (*_only(run, name), validation)


def _memory(run: Measured) -> list[Line]:
    return [
        Line(name.replace("_", " "), run.curve(name), place % _HUES + 1)
        for place, name in enumerate(run.memory)
    ]


def _told(plot: Plot, line: Line) -> str:
    step, value = line.points[-1]
    told = f"{line.label}: {figure_of(plot.figure, value)} at step {number(step)}"
    numbers = [(value, step) for step, value in line.points if value is not None]
    if not plot.least or not numbers or min(numbers)[1] == step:
        return told
    least, at = min(numbers)
    return f"{told}, least {figure_of(plot.figure, least)} at step {number(at)}"


def _rounded(value: float | None, scale: float) -> float | None:
    """As many digits as can be seen: half the bytes."""
    return value if value is None else float(f"{value * scale:.{_DIGITS}g}")
