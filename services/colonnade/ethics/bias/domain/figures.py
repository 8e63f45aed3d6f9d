"""A measured number, and how sure it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Figure:
    """``low`` and ``high`` bound its 95 % interval."""

    set: str
    dimension: str
    measure: str
    value: float
    low: float
    high: float
    count: int


def share(hits: float, of: int) -> tuple[float, float, float]:
    """A share with Wilson's interval (1927); ``of`` at least 1."""
    p, square = hits / of, _Z95**2
    middle = (p + square / (2 * of)) / (1 + square / of)
    half = _Z95 / (1 + square / of) * math.sqrt(p * (1 - p) / of + square / (4 * of * of))
    return p, max(0.0, middle - half), min(1.0, middle + half)


def mean(values: Sequence[float]) -> tuple[float, float, float]:
    """A mean with its normal interval; of a single value, that value."""
    n, middle = len(values), math.fsum(values) / len(values)
    if n == 1:
        return middle, middle, middle
    half = _Z95 * math.sqrt(math.fsum((each - middle) ** 2 for each in values) / (n - 1) / n)
    return middle, middle - half, middle + half
