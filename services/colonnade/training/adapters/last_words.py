"""How a worker said that it ended: the last whole line of what it told."""

import json
import time
from pathlib import Path
from typing import Any

from colonnade.errors import Code
from colonnade.training.domain import Ending

_TAIL_BYTES = 64 * 1024
_PASSING = frozenset({Code.UNAVAILABLE.value, Code.OVERLOADED.value, Code.DEADLINE_EXCEEDED.value})
"""Refusals that say that something else is away: the next worker may find it back."""
_ENDINGS = {"done": Ending.DONE, "stopped": Ending.STOPPED, "sick": Ending.SICK}


def last_words(path: Path) -> tuple[Ending, str]:
    """``NONE`` where the worker was killed before it said anything of its end."""
    for line in reversed(_tail(path).split(b"\n")):
        said = _object(line)
        if said.get("event") == "done":
            return _ENDINGS.get(str(said.get("ending")), Ending.NONE), str(said.get("sentence") or "")
        if said.get("event") == "error":
            passing = str(said.get("code")) in _PASSING
            return Ending.NONE if passing else Ending.REFUSED, str(said.get("message") or "")
    return Ending.NONE, ""


def say_last(path: Path, code: str, message: str) -> None:
    """In the place of a worker that cannot."""
    said = {"event": "error", "at": time.time(), "code": code, "message": message}
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{json.dumps(said)}\n")  # on a line of its own, also behind half a one


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            return file.read()
    except FileNotFoundError:
        return b""


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
