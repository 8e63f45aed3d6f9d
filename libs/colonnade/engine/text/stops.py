"""Stop strings in running text, across the borders of its parts.

Of several occurrences the one that is complete first counts (of those, the longest), so the outcome does not
depend on how the text was cut into parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from colonnade.errors import InvalidArgument, TooLarge

MAX_STOPS = 16
MAX_STOP_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Stop:
    text: str
    at: int
    """Offset of its first character in the whole text."""


class StopStrings:
    """Watches one sequence's text. Offsets count characters from its beginning."""

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = check_stops(stops)
        self._longest = max(map(len, self._stops), default=0)
        self._tail = ""
        """The end of the text in which a stop string may begin."""
        self._length = 0

    def push(self, text: str) -> Stop | None:
        """Takes the next part; the stop string it completes, if it does."""
        before = self._length - len(self._tail)
        self._tail += text
        self._length += len(text)
        found = [(self._tail.find(stop), stop) for stop in self._stops]
        complete = [(at + len(stop), at, stop) for at, stop in found if at >= 0]
        if complete:
            _, at, stop = min(complete)
            return Stop(stop, before + at)
        self._tail = self._tail[-(self._longest - 1) :] if self._longest > 1 else ""
        return None

    @property
    def certain(self) -> int:
        """Characters that cannot be part of a stop string any more, however the text goes on."""
        for size in range(len(self._tail), 0, -1):
            ending = self._tail[-size:]
            if any(len(stop) > size and stop.startswith(ending) for stop in self._stops):
                return self._length - size
        return self._length


def check_stops(stops: Sequence[str]) -> tuple[str, ...]:
    """The stop strings without repeats. Raises if there are too many, or an empty or too long one."""
    distinct = tuple(dict.fromkeys(stops))
    if len(distinct) > MAX_STOPS:
        raise TooLarge(
            f"stop holds {len(distinct)} strings; at most {MAX_STOPS}", field="stop", limit=MAX_STOPS
        )
    if not all(distinct):
        raise InvalidArgument("stop holds an empty string", field="stop")
    if any(len(stop) > MAX_STOP_CHARACTERS for stop in distinct):
        limit = MAX_STOP_CHARACTERS
        raise TooLarge(f"a stop string has more than {limit} characters", field="stop", limit=limit)
    return distinct
