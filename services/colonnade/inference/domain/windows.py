"""Counts over the last while, in a bounded number of buckets."""

BUCKETS = 10


class Window:
    """Of two kinds of events. Forgets in steps of a tenth of its length."""

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._counts: dict[int, list[int]] = {}

    def add(self, now: float, kind: int) -> None:
        """``kind`` is 0 or 1."""
        self._counts.setdefault(self._present(now), [0, 0])[kind] += 1

    def totals(self, now: float) -> tuple[int, int]:
        self._present(now)
        return sum(each[0] for each in self._counts.values()), sum(each[1] for each in self._counts.values())

    def clear(self) -> None:
        self._counts.clear()

    def _present(self, now: float) -> int:
        """The bucket of now; those that are too old are dropped."""
        bucket = int(now / self._width)
        for old in [each for each in self._counts if each <= bucket - BUCKETS]:
            del self._counts[old]
        return bucket
