"""The bytes that the state of all loaded models may take together."""

import threading
from collections.abc import Callable
from typing import Protocol


class Holder(Protocol):
    """State of one model, as far as the budget is concerned."""

    @property
    def held_bytes(self) -> int: ...
    @property
    def cached_bytes(self) -> int: ...
    @property
    def wasted_bytes(self) -> int: ...
    @property
    def oldest(self) -> int | None: ...
    def evict(self) -> None: ...
    def shrink(self) -> int: ...


class CacheBudget:
    """Counts what is resident: held by sequences, or free but not given back to the machine.

    Free pages are kept as long as nobody needs their bytes. Then the worthless ones go first, and of those
    that could be shared the one that was free for the longest time, whichever model's it is. Used from the
    core's thread, except for ``enrol`` and ``withdraw``.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.resident_bytes = 0
        self._holders: list[Holder] = []
        self._optional: list[Callable[[], bool]] = []
        self._lock = threading.RLock()

    @property
    def held_bytes(self) -> int:
        """Of sequences; the rest can be had."""
        return sum(holder.held_bytes for holder in self.holders)

    @property
    def cached_bytes(self) -> int:
        """Of free pages whose content can still be shared."""
        return sum(holder.cached_bytes for holder in self.holders)

    @property
    def wasted_bytes(self) -> int:
        """Of what is held: places that no committed position fills."""
        return sum(holder.wasted_bytes for holder in self.holders)

    @property
    def available_bytes(self) -> int:
        return self.limit_bytes - self.held_bytes

    @property
    def holders(self) -> tuple[Holder, ...]:
        return tuple(self._holders)

    def enrol(self, holder: Holder) -> None:
        with self._lock:
            self._holders.append(holder)

    def withdraw(self, holder: Holder, resident_bytes: int) -> None:
        """A model goes, and all its state with it."""
        with self._lock:
            self._holders.remove(holder)
            self.resident_bytes -= resident_bytes

    def charge(self, size: int) -> bool:
        """Takes ``size`` bytes, at the cost of worthless pages alone. False, and none taken, without room."""
        with self._lock:
            while self.resident_bytes + size > self.limit_bytes:
                given = next((bytes_ for holder in self._holders if (bytes_ := holder.shrink())), 0)
                if not given:
                    return False
                self.resident_bytes -= given
            self.resident_bytes += size
            return True

    def take(self, size: int) -> bool:
        """Takes ``size`` bytes, at the cost of pages that could have been shared if need be."""
        if size > self.available_bytes:
            return False
        while not self.charge(size):
            self.evict_oldest()
        return True

    def give(self, size: int) -> None:
        with self._lock:
            assert size <= self.resident_bytes, "more bytes given than taken"
            self.resident_bytes -= size

    def evict_oldest(self) -> None:
        """Makes one page worthless that could have been shared."""
        with self._lock:
            oldest = [(holder.oldest, holder) for holder in self._holders]
            known = [(tick, holder) for tick, holder in oldest if tick is not None]
            min(known, key=lambda each: each[0])[1].evict()

    def may_forgo(self, forgo: Callable[[], bool]) -> None:
        """``forgo`` gives back state that only saves work, like a draft model's; False if it has none."""
        self._optional.append(forgo)

    def must_keep(self, forgo: Callable[[], bool]) -> None:
        """``forgo`` is not asked any more."""
        self._optional.remove(forgo)

    def forgo(self) -> bool:
        """Has some such state given back, so that no request must give way; False if there is none."""
        return any(each() for each in self._optional)
