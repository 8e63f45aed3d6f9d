"""Takes the calls of tools out of an answer's text, piece by piece as it comes.

A call is written ``<tool_call>{"name": ..., "arguments": {...}}</tool_call>``. Text outside goes on at once,
but for an end that may be the beginning of a tag, and white space before that. A call begins as soon as its
name is known, and its arguments go on as they come; one that is cut off before its name is known is none.
"""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from colonnade.gateway.domain.tools import CallPart

OPEN = "<tool_call>"
CLOSE = "</tool_call>"
_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)')


def new_id() -> str:
    return f"call_{secrets.token_hex(12)}"


class _At(Enum):
    TEXT = auto()
    HEAD = auto()
    ARGUMENTS = auto()
    TAIL = auto()


@dataclass(slots=True)
class _Depth:
    """How deep in a JSON object the text so far ends."""

    closed: bool = False
    _depth: int = 0
    _quoted: bool = False
    _escaped: bool = False

    def through(self, text: str) -> int:
        """Reads on until the object is closed; how many characters of ``text`` belong to it."""
        for size, letter in enumerate(text, 1):
            self._step(letter)
            if self.closed:
                return size
        return len(text)

    def _step(self, letter: str) -> None:
        if self._escaped:
            self._escaped = False
        elif self._quoted:
            self._escaped = letter == "\\"
            self._quoted = letter != '"'
        elif letter == '"':
            self._quoted = True
        elif letter in "{[":
            self._depth += 1
        elif letter in "}]":
            self._depth -= 1
            self.closed = self._depth == 0


@dataclass(slots=True)
class CallReader:
    """Of one answer. ``text`` and ``calls`` of what ``push`` returns are what may be shown now."""

    new_id: Callable[[], str] = new_id
    calls: int = 0
    """That have begun."""
    _at: _At = _At.TEXT
    _held: str = ""
    _json: _Depth = field(default_factory=_Depth)

    def push(self, text: str) -> tuple[str, list[CallPart]]:
        """The text outside of calls, and pieces of calls."""
        self._held += text
        shown, parts = "", list[CallPart]()
        moved = True
        while moved:
            before = self._at
            if before is _At.TEXT:
                shown += self._text()
            elif before is _At.HEAD:
                self._head(parts)
            elif before is _At.ARGUMENTS:
                self._arguments(parts)
            else:
                self._tail()
            moved = self._at is not before
        return shown, parts

    def finish(self) -> str:
        """What was held back and is text after all; white space behind calls is none."""
        held, self._held = self._held, ""
        if self._at is not _At.TEXT:
            return ""
        return held.rstrip() if self.calls else held

    def _text(self) -> str:
        before, opened, after = self._held.partition(OPEN)
        if opened:
            self._at, self._held = _At.HEAD, after
            return before.rstrip()
        shown = len(_without_beginning(before, OPEN).rstrip())
        self._held = before[shown:]
        return before[:shown]

    def _head(self, parts: list[CallPart]) -> None:
        found = _HEAD.match(self._held)
        if found is None:
            return
        parts.append(CallPart(self.calls, id=self.new_id(), name=json.loads(found[1])))
        self.calls += 1
        self._at, self._held, self._json = _At.ARGUMENTS, self._held[found.end() :], _Depth()

    def _arguments(self, parts: list[CallPart]) -> None:
        size = self._json.through(self._held)
        taken, self._held = self._held[:size], self._held[size:]
        if parts and parts[-1].call == self.calls - 1:
            parts[-1] = replace(parts[-1], arguments=parts[-1].arguments + taken)
        elif taken:
            parts.append(CallPart(self.calls - 1, taken))
        if self._json.closed:
            self._at = _At.TAIL

    def _tail(self) -> None:
        _, closed, after = self._held.partition(CLOSE)
        if closed:
            self._at, self._held = _At.TEXT, after


def _without_beginning(text: str, tag: str) -> str:
    """``text`` without an end that may be the beginning of ``tag``."""
    longest = min(len(text), len(tag) - 1)
    size = next((size for size in range(longest, 0, -1) if tag.startswith(text[-size:])), 0)
    return text[: len(text) - size]
