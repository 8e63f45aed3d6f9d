"""Which versions were full a moment ago: asking again at once would cost more than the answer tells."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from colonnade.errors import Overloaded

MOMENT_SECONDS = 0.05
"""Far less than a full queue takes to empty: no slot stays idle for what is turned away meanwhile."""
_MOST = 1024


@dataclass(frozen=True, slots=True)
class _Full:
    until: float
    priority: int
    refusal: Overloaded


class Fullness:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full: OrderedDict[str, _Full] = OrderedDict()

    def note(self, digest: str, priority: int, refusal: Overloaded) -> None:
        """A request of this priority was just refused by whatever has the version."""
        self._full[digest] = _Full(self._clock() + MOMENT_SECONDS, priority, refusal)
        self._full.move_to_end(digest)
        if len(self._full) > _MOST:
            self._full.popitem(last=False)

    def check(self, digest: str, priority: int) -> None:
        """Raises what the last one was told, unless this request goes before that one."""
        full = self._full.get(digest)
        if full is None or priority > full.priority:
            return
        if full.until > self._clock():
            raise full.refusal.with_traceback(None)  # else it would grow with every raise
        del self._full[digest]
