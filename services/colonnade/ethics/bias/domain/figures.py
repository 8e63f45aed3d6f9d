"""A measured number, and how sure it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from colonnade.ethics.domain.rates import Z95, wilson


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
    return hits / of, *wilson(hits, of)


def mean(values: Sequence[float]) -> tuple[float, float, float]:
    """A mean with its normal interval; of a single value, that value."""
    n, middle = len(values), math.fsum(values) / len(values)
    if n == 1:
        return middle, middle, middle
    half = Z95 * math.sqrt(math.fsum((each - middle) ** 2 for each in values) / (n - 1) / n)
    return middle, middle - half, middle + half
