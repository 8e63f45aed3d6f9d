"""One scope's index of one model's vectors (HNSW, usearch). It proposes; the rows decide.

It may know vectors that are gone, and not know the newest: who asks looks its proposals up among the rows,
and looks through those after ``up_to`` as well.
"""

import math
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from colonnade.memory.adapters import vectors_file
from colonnade.memory.adapters.vectors_checked import Floats

_LOOKED_AT = 4
"""The square of how many it looks at, a vector it has: 632 of 100,000, 2,000 of a million."""


class Graph:
    """For threads: what takes long holds nobody up but who asks the same graph."""

    def __init__(self, index: Index, up_to: int = 0, saved: int = 0) -> None:
        self._index, self._lock = index, threading.Lock()
        self.up_to = up_to
        """It has all that were there with a number up to this."""
        self.saved = saved
        """How many its file has; 0: there is none."""

    @classmethod
    def new(cls, dimension: int) -> "Graph":
        return cls(Index(ndim=dimension, metric="cos", dtype="f16"))

    @classmethod
    def load(cls, folder: Path, place: str, dimension: int) -> "Graph | None":
        """From its file, if that is whole."""
        if (found := vectors_file.load(folder, place, dimension)) is None:
            return None
        index, file = found
        return cls(index, file.up_to, file.count)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def bytes(self) -> int:
        return int(self._index.memory_usage)

    def add(self, numbers: NDArray[np.int64], matrix: NDArray[np.float16]) -> None:
        """In the order of their numbers, which are above ``up_to``."""
        with self._lock:
            self._index.add(numbers.astype(np.uint64), matrix, threads=1)
            self.up_to = int(numbers[-1])

    def has(self, numbers: Sequence[int], matrix: NDArray[np.float16]) -> bool:
        """All of them, under those numbers."""
        with self._lock:
            kept = [self._index.get(number) for number in numbers]
        return all(
            one is not None and np.array_equal(np.asarray(one).ravel(), row)
            for one, row in zip(kept, matrix, strict=True)
        )

    def propose(self, question: Floats, count: int) -> list[int]:
        """The numbers of about the nearest. In a larger graph it looks at more: the nearest of a dense
        neighbourhood are otherwise missed (docs/performance.md, "Memory by size")."""
        with self._lock:
            looked_at = max(count, math.isqrt(_LOOKED_AT * len(self._index)))
            self._index.expansion_search = looked_at  # type: ignore[misc]  # its setter is not typed
            matches = self._index.search(question.astype(np.float32), count, threads=1)
        return [int(key) for key in matches.keys]

    def save(self, folder: Path, place: str) -> None:
        with self._lock:
            vectors_file.save(self._index, folder, place, self.up_to)
            self.saved = len(self._index)
