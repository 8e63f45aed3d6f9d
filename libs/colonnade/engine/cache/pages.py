"""Which pages exist, who holds them, and which may be taken."""

import heapq
import itertools
from collections import OrderedDict

_TICKS = itertools.count()
"""Orders what became free, over the pools of all models."""


class PagePool:
    """Page ids below ``capacity``, each in one of four conditions.

    *Held* by one sequence or more; *cached*, which is free with content that may be shared again; *blank*,
    which is free and worthless; *absent*, which has no memory. Low ids are preferred, so that few of the
    arenas' pages are ever touched.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._references: list[int] = []
        """Of every page that ever existed."""
        self._absent: list[int] = []
        self._blank: list[int] = []
        self._cached: OrderedDict[int, int] = OrderedDict()
        """Page to the tick at which it became free, the oldest first."""
        self.held = 0

    @property
    def blank(self) -> int:
        return len(self._blank)

    @property
    def cached(self) -> int:
        return len(self._cached)

    @property
    def resident(self) -> int:
        """Pages that have memory."""
        return self.held + self.blank + self.cached

    @property
    def oldest(self) -> int | None:
        """When the page that is cached for the longest time became free."""
        return next(iter(self._cached.values()), None)

    def references(self, page: int) -> int:
        return self._references[page]

    def reuse(self) -> int | None:
        """A blank page, held from now on; None if there is none."""
        return self._hold_first(heapq.heappop(self._blank)) if self._blank else None

    def grow(self) -> int | None:
        """An absent page, held from now on; None if all that there may be exist."""
        if self._absent:
            return self._hold_first(heapq.heappop(self._absent))
        if len(self._references) == self.capacity:
            return None
        self._references.append(0)
        return self._hold_first(len(self._references) - 1)

    def share(self, page: int) -> None:
        """One more sequence holds a page that is held or cached."""
        if self._references[page] == 0:
            del self._cached[page]
            self.held += 1
        self._references[page] += 1

    def release(self, page: int, *, keep: bool) -> None:
        """One sequence less holds the page; the last one leaves it cached (``keep``) or blank."""
        assert self._references[page] > 0, "a page is released as often as it was taken"
        self._references[page] -= 1
        if self._references[page] == 0:
            self.held -= 1
            if keep:
                self._cached[page] = next(_TICKS)
            else:
                heapq.heappush(self._blank, page)

    def evict(self) -> int | None:
        """Makes the page that is cached for the longest time blank; None if none is."""
        if not self._cached:
            return None
        page, _ = self._cached.popitem(last=False)
        heapq.heappush(self._blank, page)
        return page

    def shrink(self) -> int | None:
        """Makes a blank page absent; None if there is none."""
        if not self._blank:
            return None
        page = self._blank.pop()  # the last of a heap is one of the highest, and the rest is still a heap
        heapq.heappush(self._absent, page)
        return page

    def _hold_first(self, page: int) -> int:
        self._references[page] = 1
        self.held += 1
        return page
