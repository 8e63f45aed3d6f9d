"""Server-sent events out of lines (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    """``message`` where the stream names none."""
    data: str


class EventParser:
    """Feed it lines without their ends; it hands back an event at each blank line that ends one."""

    def __init__(self) -> None:
        self._kind = ""
        self._data: list[str] = []

    def feed(self, line: str) -> Event | None:
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
