"""The log of a run as people read it: a line each, and how the model went on with the prompts."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from colonnade.client import LogLine
from colonnade.console.views.plots import figure_of

MOST_LINES = 200
MOST_SAMPLES = 30
_MOST_LETTERS = 2000
_KNOWN = frozenset({"event", "at", "step"})
_PART = "/"
_LAST_MOMENT = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Sample:
    """How the model went on with a prompt, after so many steps."""

    step: int
    prompt: str
    text: str


class RunLog:
    """The end of a log, however long it is. ``read`` lines were taken until now, up to ``offset``."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self.offset = self.read = 0
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)

    def add(self, line: LogLine) -> None:
        said = _object(line.line)
        self.offset, self.read = line.offset, self.read + 1
        self.lines.append(told(said) if said else line.line[:_MOST_LETTERS])
        if said.get("event") == "sample":
            self._take(Sample(_step(said), str(said.get("prompt", "")), str(said.get("text", ""))))

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Newest first."""
        return tuple(reversed(self._samples))

    def _take(self, sample: Sample) -> None:
        """What is written again, of a step that is run again, counts."""
        kept = [each for each in self._samples if (each.step, each.prompt) != (sample.step, sample.prompt)]
        self._samples = deque([*kept, sample], maxlen=MOST_SAMPLES)


def told(said: Mapping[str, Any]) -> str:
    """``12:00:07 step 40: loss 2.31, learning rate 0.002``: the loss first. Figures of a model's parts, as
    ``gradient_norm/blocks.0``, would fill lines; they are in the log itself."""
    step = f" {_step(said)}" if "step" in said else ""
    rest = ", ".join(_facts(said))
    line = f"{_clock(said.get('at'))} {said.get('event', '')}{step}" + (f": {rest}" if rest else "")
    return line if len(line) <= _MOST_LETTERS else line[: _MOST_LETTERS - 1] + "\u2026"


def _facts(said: Mapping[str, Any]) -> Iterator[str]:
    for name, value in sorted(said.items(), key=lambda fact: fact[0] != "loss"):
        if name in _KNOWN or _PART in name:
            continue
        if isinstance(value, float):
            yield f"{name.replace('_', ' ')} {figure_of(name, value)}"
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield shown if name == "sentence" else f"{name.replace('_', ' ')} {shown}"


def _clock(at: object) -> str:
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < _LAST_MOMENT:
        return "--:--:--"
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _step(said: Mapping[str, Any]) -> int:
    step = said.get("step")
    return step if isinstance(step, int) else 0


def _object(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
