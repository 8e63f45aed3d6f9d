"""Server-sent events out of bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import codecs
import re
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")  # and no other: U+2028 and its like are text


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    """``message`` where the stream names none."""
    data: str


class EventParser:
    """Feed it bytes as they come; it hands back the events that they complete."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._kind = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> list[Event]:
        text = self._rest + self._decoder.decode(data)
        held = text.endswith("\r")  # perhaps half of a CRLF
        *lines, rest = _LINE_END.split(text[:-1] if held else text)
        self._rest = rest + "\r" if held else rest
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        return None  # comments, ids and retry hints carry nothing for us

    def _end(self) -> Event | None:
        kind, data = self._kind or "message", self._data
        self._kind, self._data = "", []
        return Event(kind, "\n".join(data)) if data else None
