"""A JSON object a line: the run's log in its folder, and what a worker tells the process that started it.

A run that goes on after a kill appends; a line that the kill tore is cut off first. Steps that are run again
are told again, and the later line counts.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

from colonnade.learn.reports.events import Began, Evaluated, Event, Progressed, Said, Sampled, Saved, Stepped

_NAMES: Mapping[type, str] = {
    Progressed: "progress",
    Began: "began",
    Stepped: "step",
    Evaluated: "evaluation",
    Sampled: "sample",
    Saved: "checkpoint",
    Said: "note",
}


class JsonLines:
    def __init__(self, file: TextIO, clock: Callable[[], float] = time.time, *, closes: bool = False) -> None:
        """``closes``: whether the file is closed with this."""
        self._file, self._clock, self._closes = file, clock, closes

    @classmethod
    def appended(cls, path: Path) -> "JsonLines":
        """The log of a run, behind the last whole line of what is there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as raw:
            raw.seek(0)
            raw.truncate(raw.read().rfind(b"\n") + 1)
        return cls(path.open("a", encoding="utf-8"), closes=True)

    def __call__(self, event: Event) -> None:
        facts = {each.name: getattr(event, each.name) for each in fields(event)}
        for inner in ("values", "facts"):
            facts |= {name: _finite(value) for name, value in facts.pop(inner, {}).items()}
        self.tell(_NAMES[type(event)], **facts)

    def tell(self, event: str, **facts: Any) -> None:
        """Also what is no event of the run, but of the worker itself: ``done``, ``error``."""
        said = {"event": event, "at": round(self._clock(), 3)} | facts
        self._file.write(json.dumps(said, ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._closes:
            self._file.close()


def _finite(value: Any) -> Any:
    """JSON has no word for what is no number: it is said as text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
