"""Answers in this process: the least recently used ones go where there is no room."""

import time
from collections import OrderedDict
from collections.abc import Callable

from colonnade.inference.domain import Kept, Place
from colonnade.inference.ports import StoreFigures

OVERHEAD_BYTES = 512
"""About what an answer takes besides its body."""


class MemoryAnswers:
    def __init__(
        self,
        max_bytes: int,
        *,
        entry_bytes: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        evicted: Callable[[], None] = lambda: None,
    ) -> None:
        """Answers of more than ``entry_bytes`` are left out; all are forgotten after ``seconds``."""
        self._max_bytes, self._entry_bytes, self._seconds = max_bytes, entry_bytes, seconds
        self._clock, self._evicted = clock, evicted
        self._kept: OrderedDict[Place, tuple[Kept, float]] = OrderedDict()
        """With the time until which each is kept; those used longest ago first."""
        self._bytes = 0
        self._evictions = 0

    async def get(self, place: Place) -> Kept | None:
        found = self._kept.get(place)
        if found is None:
            return None
        kept, until = found
        if self._clock() >= until:
            self._forget(place)
            return None
        self._kept.move_to_end(place)
        return kept

    async def put(self, place: Place, kept: Kept) -> None:
        size = _size(kept)
        if len(kept.body) > self._entry_bytes or size > self._max_bytes:
            return
        if place in self._kept:
            self._forget(place)
        self._kept[place] = kept, self._clock() + self._seconds
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))
            self._evictions += 1
            self._evicted()

    async def purge(self, digest: str, tenant: str) -> int:
        gone = [
            place for place in self._kept if digest in ("", place.digest) and tenant in ("", place.tenant)
        ]
        for place in gone:
            self._forget(place)
        return len(gone)

    def figures(self) -> StoreFigures:
        return StoreFigures("memory", len(self._kept), self._bytes, self._max_bytes, self._evictions)

    async def close(self) -> None:
        """Nothing is held."""

    def _forget(self, place: Place) -> None:
        kept, _ = self._kept.pop(place)
        self._bytes -= _size(kept)


def _size(kept: Kept) -> int:
    return len(kept.body) + OVERHEAD_BYTES
