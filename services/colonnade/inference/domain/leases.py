"""Engines that said they are there, and until when that holds."""

from collections.abc import Callable

from colonnade.errors import Overloaded

SHORTEST_SECONDS = 1.0
Clock = Callable[[], float]


class Leases:
    """By address. Whoever does not renew in time is out, whatever became of it."""

    def __init__(self, longest: float, capacity: int, clock: Clock) -> None:
        """A lease lasts ``longest`` at most; of more than ``capacity`` engines none is taken in."""
        self._longest = max(SHORTEST_SECONDS, longest)
        self._capacity = capacity
        self._clock = clock
        self._ends: dict[str, float] = {}

    def __contains__(self, address: str) -> bool:
        return self.left(address) > 0

    def __len__(self) -> int:
        return len(self._ends)

    def grant(self, address: str, wanted: float = 0.0) -> float:
        """Gives or renews a lease; its seconds. Not more than are wanted, if any are."""
        if address not in self._ends and len(self._ends) >= self._capacity:
            raise Overloaded(
                f"{self._capacity} engines are registered, which is the limit; deregister one or raise "
                "COLONNADE_INFERENCE_MAX_ENGINES",
                limit=self._capacity,
            )
        seconds = min(self._longest, max(SHORTEST_SECONDS, wanted)) if wanted > 0 else self._longest
        self._ends[address] = self._clock() + seconds
        return seconds

    def end(self, address: str) -> bool:
        """Ends a lease before its time; whether there was one that had not run out."""
        there = address in self
        self._ends.pop(address, None)
        return there

    def left(self, address: str) -> float:
        """Seconds; 0 where there is no lease."""
        return max(0.0, self._ends.get(address, 0.0) - self._clock()) if address in self._ends else 0.0

    def expired(self) -> list[str]:
        """Takes out those that have run out, and names them."""
        now = self._clock()
        out = [address for address, end in self._ends.items() if end <= now]
        for address in out:
            del self._ends[address]
        return out

    def until_next(self) -> float | None:
        """Seconds until the next one runs out; None where there is none."""
        return max(0.0, min(self._ends.values()) - self._clock()) if self._ends else None
