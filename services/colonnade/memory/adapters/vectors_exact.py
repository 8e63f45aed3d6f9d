"""The nearest of some rows, exactly."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from colonnade.memory.adapters.vectors_checked import Floats
from colonnade.memory.domain.search import Near

_ROUGH = 1e-5
"""By how much two cosines in float32 may be in the wrong order."""
STORED = np.dtype("<f2")


@dataclass(frozen=True, slots=True)
class Rows:
    """``matrix`` is (vectors, dimension), in float32: what float16 holds, it holds exactly."""

    numbers: NDArray[np.int64]
    ids: Sequence[str]
    matrix: NDArray[np.float32]
    norms: NDArray[np.float32]

    @property
    def bytes(self) -> int:
        return self.matrix.nbytes + self.norms.nbytes + self.numbers.nbytes + 100 * len(self.ids)


def rows_of(found: Sequence[Row[Any]], dimension: int) -> Rows:
    """``found`` has number, memory and vector."""
    matrix = matrix_of([row.vector for row in found], dimension).astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    return Rows(
        np.array([row.number for row in found], np.int64), [row.memory for row in found], matrix, norms
    )


def matrix_of(vectors: Sequence[bytes], dimension: int) -> NDArray[np.float16]:
    return np.frombuffer(b"".join(vectors), STORED).reshape(len(vectors), dimension)


def nearest(rows: Rows, question: Floats, limit: int, numbers: NDArray[np.int64] | None = None) -> list[Near]:
    """Nearest first, then by id; of ``numbers`` alone, if they are given. ``question`` is of unit length.

    What may be among them is found in float32, and ordered in float64: so equal vectors have equal cosines,
    wherever they stand."""
    allowed = np.arange(len(rows.ids)) if numbers is None else np.flatnonzero(np.isin(rows.numbers, numbers))
    if not allowed.size:
        return []
    rough = ((rows.matrix @ question.astype(np.float32)) / rows.norms)[allowed]
    if allowed.size > limit:
        least = np.partition(rough, allowed.size - limit)[allowed.size - limit]
        allowed = allowed[rough >= least - _ROUGH]
    chosen = rows.matrix[allowed].astype(np.float64)
    cosines = (chosen * question).sum(axis=1) / np.sqrt((chosen * chosen).sum(axis=1))
    found = zip(allowed.tolist(), cosines.tolist(), strict=True)
    return best((Near(rows.ids[place], cosine) for place, cosine in found), limit)


def best(found: Iterable[Near], limit: int) -> list[Near]:
    return heapq.nsmallest(limit, found, key=lambda near: (-near.cosine, near.id))
