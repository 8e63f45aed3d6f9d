"""The side of the conversation that runs in an engine's own interpreter: needs the standard library alone.

A line in is ``{"call": NAME, "with": {...}}``, a line out is ``{"result": ..., "wall": s, "cpu": s}`` or
``{"error": ...}``. Wall and processor seconds are taken here, around the call, so that the conversation
itself is not counted.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

_PR_SET_PDEATHSIG = 1
_EVERYONE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def processor_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in _EVERYONE]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def resident_bytes() -> int:
    """Memory that this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - read thousands of times
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def serve(make: Callable[..., Any]) -> None:
    """Answers until the input ends. The first call must be ``make``, with ``make``'s own arguments."""
    _end_with_parent()
    answers = _private_output()
    engine: Any = None
    answer: dict[str, Any]
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked["call"] == "make":
                engine, answer = make(**asked["with"]), {"result": None}
            else:
                answer = _timed(getattr(engine, asked["call"]), asked["with"])
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _timed(call: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    processor, began = processor_seconds(), time.perf_counter()
    result = call(**arguments)
    wall = time.perf_counter() - began
    return {"result": result, "wall": wall, "cpu": processor_seconds() - processor}


def _end_with_parent() -> None:
    """Has Linux kill this process, stopped or not, when the suite's own ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _private_output() -> TextIO:
    """Standard output, kept from libraries that print: whatever they say goes to standard error."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8")
