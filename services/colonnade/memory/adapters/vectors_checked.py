"""Vectors from outside: made of unit length, or refused."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from colonnade.errors import InvalidArgument
from colonnade.memory.ports import Vector

Floats: TypeAlias = NDArray[np.float64]

MAX_DIMENSION = 4000
"""What pgvector's index takes of half-precision vectors; the same everywhere, so that data can move."""


def unit(vector: Vector, field: str) -> Floats:
    """Of unit length, shape (dimension,). ``InvalidArgument`` for what is not finite, 0, or no vector."""
    try:
        found = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{field} must be a list of numbers", field=field) from None
    if found.ndim != 1 or not 1 <= found.size <= MAX_DIMENSION:
        raise InvalidArgument(
            f"{field} must have 1 to {MAX_DIMENSION} numbers", field=field, limit=MAX_DIMENSION
        )
    if not np.isfinite(found).all():
        raise InvalidArgument(f"{field} must have finite numbers alone", field=field)
    if not (largest := np.abs(found).max()):
        raise InvalidArgument(f"{field} must not be 0: it points nowhere", field=field)
    found = found / largest  # so that no square is too large or too small
    unit_length: Floats = found / np.sqrt(found @ found)
    return unit_length


def units(vectors: Mapping[str, Vector], dimension: int | None) -> dict[str, Floats]:
    """All by memory id, of one length: of ``dimension``, where the model's is known already."""
    found = {memory: unit(vector, f"vectors.{memory}") for memory, vector in vectors.items()}
    for memory, vector in found.items():
        dimension = dimension or vector.size
        of_length(vector, dimension, f"vectors.{memory}")
    return found


def of_length(vector: Floats, dimension: int, field: str) -> None:
    if vector.size != dimension:
        raise InvalidArgument(
            f"{field} has {vector.size} numbers; the model's others have {dimension}",
            field=field,
            limit=dimension,
        )
