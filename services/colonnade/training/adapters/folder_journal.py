"""The logs of runs, read from their folders while workers write them.

A line is looked at once it is whole: a torn last one stays for the next read. Memory is that of one piece,
however long the log, and however long a line.
"""

import asyncio
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.ports import Entry, Read

_PIECE_BYTES = 256 * 1024
_MAX_LINE_BYTES = 64 * 1024
_NEAR_BYTES = 64 * 1024
_MOST_FIELDS = 64
_ERA = 2**35
"""Seconds: about a thousand years."""
_KIND_CHARACTERS = 32
_NAMES = frozenset({"event", "at", "step"})
_MEASURED = ("step", "evaluation")
_NOT_FINITE = frozenset({"nan", "inf", "-inf"})


class FolderJournal:
    """Implements ``ports.Journal``. ``jobs`` is the folder of all jobs' folders."""

    def __init__(self, jobs: Path) -> None:
        self._jobs = jobs

    async def read(self, job_id: str, offset: int) -> Read:
        return await asyncio.to_thread(_read, JobFolder.of(self._jobs, job_id).log, offset)

    async def near_end(self, job_id: str) -> int:
        return await asyncio.to_thread(_near_end, JobFolder.of(self._jobs, job_id).log)


def _read(path: Path, offset: int) -> Read:
    """From the beginning where the log has become shorter than it was."""
    try:
        with path.open("rb") as file:
            offset = offset if offset <= file.seek(0, 2) else 0
            file.seek(offset)
            piece = file.read(_PIECE_BYTES)
            if len(piece) == _PIECE_BYTES and b"\n" not in piece:
                return Read((), _behind_line(file, offset))
    except FileNotFoundError:
        return Read((), 0)
    entries = []
    for line in piece[: piece.rfind(b"\n") + 1].splitlines(keepends=True):
        offset += len(line)
        if entry := _entry(line, offset):
            entries.append(entry)
    return Read(tuple(entries), offset)


def _behind_line(file: BinaryIO, start: int) -> int:
    """Where a line that is too long ends; ``start`` while it is being written."""
    while piece := file.read(_PIECE_BYTES):
        if (at := piece.find(b"\n")) >= 0:
            return file.tell() - len(piece) + at + 1
    return start


def _near_end(path: Path) -> int:
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, 2) - _NEAR_BYTES)
            file.seek(start)
            return start + (file.read(_NEAR_BYTES).find(b"\n") + 1 if start else 0)
    except FileNotFoundError:
        return 0


def _entry(line: bytes, end: int) -> Entry | None:
    """None for what no run writes."""
    if len(line) > _MAX_LINE_BYTES:
        return None
    try:
        text = line.decode().rstrip("\n")
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("event"), str):
        return None
    kind, at, step = said["event"][:_KIND_CHARACTERS], said.get("at"), said.get("step")
    return Entry(
        kind,
        _time(at),
        step if isinstance(step, int) and _is_number(step) and 0 <= step < 2**62 else -1,
        _values(said, measured=kind in _MEASURED),
        {name: value for name, value in _facts(said) if isinstance(value, str) and kind not in _MEASURED},
        text,
        end,
    )


def _time(said: object) -> float:
    """0 for what is no time of this era."""
    return float(said) if isinstance(said, int | float) and _is_number(said) and 0 <= said < _ERA else 0.0


def _values(said: Mapping[str, Any], *, measured: bool) -> dict[str, float]:
    """The numbers of a line. Of what was measured, what is not finite is written as text."""
    texts = _NOT_FINITE if measured else frozenset()
    return {name: float(value) for name, value in _facts(said) if _is_number(value) or value in texts}


def _facts(said: Mapping[str, Any]) -> list[tuple[str, Any]]:
    facts = [(name, value) for name, value in said.items() if name not in _NAMES]
    return [(name, value) for name, value in facts[:_MOST_FIELDS] if not isinstance(value, list | dict)]


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
