"""Progress as JSON lines, often enough for a bar and never a flood."""

import json
from collections.abc import Callable
from typing import Any

Emit = Callable[[dict[str, Any]], None]


class Progress:
    """Passes a report on when its stage is new, has moved by a hundredth, or is complete."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._last: tuple[str, int] | None = None

    def report(self, stage: str, done: int, total: int) -> None:
        step = (stage, 100 * done // max(total, 1))
        if step != self._last or done == total:
            self._last = step
            self._emit({"event": "progress", "stage": stage, "done": done, "total": total})


def json_line(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)  # noqa: T201 - the protocol with the parent process
