"""Reads the services' logs back: several files, one order, also while they are written."""

import heapq
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from colonnade.cli.terminal import printable

if TYPE_CHECKING:
    from rich.text import Text

_COLOURS = {"debug": "dim", "info": "green", "warning": "yellow", "error": "bold red", "critical": "bold red"}
_HEAD = ("timestamp", "level", "service", "logger", "event")
_POLL_SECONDS = 0.2
_TAIL_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """``at`` is when it was written; what is not JSON (a traceback) has the time of the line before."""

    at: str
    service: str = field(compare=False)
    raw: str = field(compare=False)
    fields: dict[str, Any] = field(compare=False, default_factory=dict)


class Journal:
    """Logs of several services, as one."""

    def __init__(self, paths: Sequence[Path], sleep: Callable[[float], None] = time.sleep) -> None:
        self._files = [_File(path) for path in paths]
        self._sleep = sleep

    def last(self, count: int) -> list[Line]:
        """The last ``count`` lines of all together, oldest first."""
        recent = list(heapq.merge(*(file.tail() for file in self._files)))
        return recent[-count:] if count else []

    def follow(self) -> Iterator[Line]:
        """New lines for ever, in order within each look."""
        while True:
            fresh = sorted(line for file in self._files for line in file.new())
            yield from fresh
            if not fresh:
                self._sleep(_POLL_SECONDS)


class _File:
    """One log. ``new`` goes on where ``tail`` or the last ``new`` ended, also over a turn to a fresh file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turned = path.with_name(f"{path.name}.1")
        self._service = path.stem
        self._at = ""
        self._position = 0
        self._inode = 0
        self._rest = b""

    def tail(self) -> list[Line]:
        size = self._path.stat().st_size if self._path.exists() else 0
        before: list[Line] = []
        if size < _TAIL_BYTES and self._turned.exists():
            with self._turned.open("rb") as file:
                before = self._parsed(_last_bytes(file, _TAIL_BYTES - size))
        self._position = max(0, size - _TAIL_BYTES)
        skip = 1 if self._position else 0  # it begins in the middle of a line
        return [*before, *islice(self.new(), skip, None)]

    def new(self) -> Iterator[Line]:
        data = self._rest
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            if self._inode not in (0, inode):
                data += self._end_of_turned()
                self._position = 0
            self._inode = inode
            file.seek(self._position)
            data += file.read()
            self._position = file.tell()
        whole, newline, self._rest = data.rpartition(b"\n")
        return iter(self._parsed(whole + newline))

    def _end_of_turned(self) -> bytes:
        """What was written to the file that we read before it was renamed."""
        with suppress(FileNotFoundError), self._turned.open("rb") as file:
            if os.fstat(file.fileno()).st_ino == self._inode:
                file.seek(self._position)
                return file.read()
        return b""

    def _parsed(self, data: bytes) -> list[Line]:
        return [self._line(text) for text in data.decode("utf-8", "replace").split("\n") if text]

    def _line(self, text: str) -> Line:
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            return Line(self._at, self._service, text)
        self._at = str(fields.get("timestamp", self._at))
        return Line(self._at, str(fields.get("service", self._service)), text, fields)


def _last_bytes(file: BinaryIO, count: int) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - count))
    data = file.read()
    return data if size <= count else data.partition(b"\n")[2]


def rendered(line: Line) -> "Text":
    """``12:20:33.123 gateway   info  event key=value``"""
    from rich.text import Text

    clock = line.at.partition("T")[2].rstrip("Z")[:12]
    made = Text(f"{clock:12} ", style="dim").append(f"{line.service:10} ", style="cyan")
    if not line.fields:
        return made.append(printable(line.raw), style="not dim")
    level = str(line.fields.get("level", ""))
    made.append(f"{level:8} ", style=_COLOURS.get(level, ""))
    made.append(printable(str(line.fields.get("event", ""))), style="not dim")
    for name, value in line.fields.items():
        if name not in _HEAD:
            shown = value if isinstance(value, str) else json.dumps(value)
            made.append(f" {name}=", style="dim").append(
                printable(shown).replace("\n", "\n    "), style="not dim"
            )
    return made
