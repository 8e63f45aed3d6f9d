"""Where in JSON a text is, so that what is masked in it leaves it JSON."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from colonnade.gateway.service.calls import CLOSE, OPEN

_UNICODE = 6
"""Characters of an escape such as ``\\u00e9``."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a text is bound to be."""

    json: bool = False
    """All of it is JSON."""
    calls: bool = False
    """What stands between the tags of a call is JSON."""
    fixed: bool = False
    """It has a form that nobody here can keep: nothing in it can be replaced."""

    @property
    def free(self) -> bool:
        return not (self.json or self.calls or self.fixed)


@dataclass(slots=True)
class Place:
    """Right behind a character of a text."""

    form: Form
    inside: bool = False
    """In JSON."""
    quoted: bool = False
    """In a string of it."""
    escape: int = 0
    """In an escape: how many characters of it have come."""
    _end: str = ""
    """Of what came outside of strings, where a tag may be."""

    @classmethod
    def first(cls, form: Form) -> "Place":
        return cls(form, inside=form.json)

    def through(self, text: Iterable[str]) -> None:
        for letter in text:
            self.step(letter)

    def step(self, letter: str) -> None:
        if self.escape:
            more = self.escape > 1 or letter == "u"
            self.escape = self.escape + 1 if more and self.escape + 1 < _UNICODE else 0
        elif self.quoted:
            self.quoted = letter != '"'
            self.escape = int(letter == "\\")
        else:
            self.quoted = self.inside and letter == '"'
            if self.form.calls:
                self._tag(letter)

    def _tag(self, letter: str) -> None:
        self._end = (self._end + letter)[-len(CLOSE) :]
        if self._end.endswith(OPEN):
            self.inside = True
        elif self._end.endswith(CLOSE):
            self.inside = self.form.json


def whole_escapes(place: Place, text: str) -> int:
    """How many characters of ``text``, which follows ``place``, end outside of an escape."""
    at = replace(place)
    at.through(text)
    return max(0, len(text) - at.escape)


def maskable(place: Place, text: str, start: int, end: int) -> tuple[int, int] | None:
    """The part of ``text``, which follows ``place``, that is to be replaced so that ``start`` to ``end`` is
    gone: whole escapes. None where a replacement would leave something that is not JSON."""
    at = replace(place)
    if at.form.fixed:
        return None
    at.through(text[:start])
    start, position, inside = start - at.escape, start, at.inside
    if inside and not at.quoted:
        return None
    while position < end or at.escape:
        if position >= len(text):
            return None
        at.step(text[position])
        position += 1
        if at.inside is not inside or (inside and not at.quoted):
            return None
    return start, position


def replacement_in(place: Place, text: str, start: int, replacement: str) -> str:
    """As it has to be written there."""
    at = replace(place)
    at.through(text[:start])
    return json.dumps(replacement, ensure_ascii=False)[1:-1] if at.quoted else replacement
