"""``Range``, as RFC 9110 has it: one range of bytes. What asks otherwise is answered with the whole."""

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from colonnade.gateway.http.errors import OutOfRange

_ONE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Of ``size`` bytes those from ``start`` up to ``end``, which is not among them."""

    start: int
    end: int
    size: int
    asked: bool = True
    """The client asked for a part, be it all there is."""

    @classmethod
    def whole(cls, size: int) -> "Part":
        return cls(0, size, size, asked=False)

    @property
    def length(self) -> int:
        return self.end - self.start


def part_of(headers: Headers, size: int, etag: str = "") -> Part:
    """What a request asks for. ``OutOfRange`` where nothing of it is there."""
    whole = Part.whole(size)
    if headers.get("if-range", etag) != etag:
        return whole
    match = _ONE.fullmatch(headers.get("range", "").strip())
    if match is None or match[1] == match[2] == "":
        return whole
    first, last = match.groups()
    if not first:
        return _checked(Part(max(0, size - int(last)), size, size))
    if last and int(last) < int(first):
        return whole
    return _checked(Part(int(first), min(int(last) + 1, size) if last else size, size))


def _checked(part: Part) -> Part:
    if part.start >= part.size:
        raise OutOfRange(f"range must begin below {part.size}", field="range", limit=part.size)
    return part
