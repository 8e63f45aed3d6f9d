"""The course of a training run, by its log: how far it is, and what a person should see as it comes. Pure."""

import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from colonnade.cli.terminal import human_seconds

_FIGURES: Mapping[str, str] = {
    "loss": "loss {:.3f}",
    "learning_rate": "rate {:.1e}",
    "tokens_per_second": "{:,.0f} tokens/s",
}
_MARKS = 20
"""Reports by whose pace the time that is left is told."""
_LONGEST_SECONDS = 3.2e9
_MOST_LETTERS = 2000
_HEAD = ("event", "at", "step")


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said beside the bar."""

    text: str
    dim: bool = False


class Course:
    """Feed it the log from its beginning."""

    def __init__(self) -> None:
        self.stage = ""
        """Beside the training, as ``prepare data``; empty while it learns."""
        self.done = self.total = 0.0
        """Of that stage."""
        self.step = 0
        self.figures = ""
        self._marks: deque[tuple[int, float]] = deque(maxlen=_MARKS)

    def read(self, line: str) -> Remark | None:
        said = fields_of(line)
        step = _whole(said.get("step"))
        match said.get("event"):
            case "progress":
                self.stage = _text(said.get("stage"))
                self.done, self.total = number(said.get("done")) or 0.0, number(said.get("total")) or 0.0
            case "began":
                self._at(step)
                self._marks.clear()
            case "step":
                self._at(step)
                self._mark(step, number(said.get("at")))
                self.figures = figures(said)
            case "evaluation":
                return Remark(f"step {step}: validation {measured(said)}")
            case "sample":
                return Remark(_sample(step, said), dim=True)
            case "note":
                return Remark(_text(said.get("sentence")))
        return None

    def seconds_left(self, steps: int) -> float | None:
        """By the pace of the last reports; None where there are too few."""
        if len(self._marks) < 2:
            return None
        (first, began), (last, now) = self._marks[0], self._marks[-1]
        seconds = (steps - last) * (now - began) / (last - first)
        return seconds if 0 <= seconds < _LONGEST_SECONDS else None

    def _at(self, step: int) -> None:
        self.stage, self.step = "", step

    def _mark(self, step: int, at: float | None) -> None:
        if at is None or not math.isfinite(at):
            return
        if self._marks and step <= self._marks[-1][0]:  # a worker was lost, and its steps are run again
            self._marks.clear()
        self._marks.append((step, at))


def time_left(course: Course, steps: int) -> str:
    """``5m12s left``; empty where it cannot be told."""
    seconds = course.seconds_left(steps)
    return "" if seconds is None else f"{human_seconds(seconds)} left"


def figures(values: Mapping[str, Any]) -> str:
    """``loss 2.310  rate 1.0e-03  12,345 tokens/s``, of those that are there."""
    shown = ((text, number(values.get(name))) for name, text in _FIGURES.items())
    return "  ".join(text.format(value) for text, value in shown if value is not None)


def measured(values: Mapping[str, Any]) -> str:
    """``loss 2.31, perplexity 10.1``: of all, but not of each block."""
    named = ((name, number(value)) for name, value in values.items() if name not in _HEAD and "/" not in name)
    return ", ".join(f"{name} {value:.4g}" for name, value in named if value is not None)


def told(line: str) -> str:
    """``12:00:07  step 40  loss=2.31 learning_rate=0.002``; what is no object stays as it is."""
    said = fields_of(line)
    if not said:
        return line[:_MOST_LETTERS]
    step = f" {_whole(said.get('step'))}" if "step" in said else ""
    parts = (_clock(number(said.get("at"))), f"{_text(said.get('event'))}{step}", " ".join(_facts(said)))
    text = "  ".join(part for part in parts if part)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def fields_of(line: str) -> dict[str, Any]:
    """Empty for what is no JSON object."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def number(value: object) -> float | None:
    """Also of what JSON has no word for, which is written as text."""
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _facts(said: Mapping[str, Any]) -> Iterator[str]:
    for name, value in said.items():
        if name in _HEAD:
            continue
        shown = f"{value:.4g}" if isinstance(value, float) else value
        yield f"{name}={shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)}"


def _sample(step: int, said: Mapping[str, Any]) -> str:
    lines = _text(said.get("text")).splitlines()
    return "\n".join(
        (f"step {step}: {_text(said.get('prompt'))!r} goes on:", *(f"  | {each}" for each in lines))
    )


def _clock(at: float | None) -> str:
    if at is None or not 0 <= at < _LONGEST_SECONDS:
        return ""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _text(value: object) -> str:
    return value[:_MOST_LETTERS] if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62 else 0
