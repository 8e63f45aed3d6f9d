"""How long answers take to begin, counted in classes: services that add up such counts agree on them here."""

import math
from bisect import bisect_left
from collections.abc import Sequence

FIRST_TOKEN_BOUNDS = (
    0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 1.5, 2.2, 3.3, 5.0, 7.5,
    11.0, 17.0, 25.0, 40.0, 60.0, 120.0,
)  # fmt: skip
"""Seconds: upper ends of the classes that first tokens are counted in. One more class has the rest."""
CLASSES = len(FIRST_TOKEN_BOUNDS) + 1


def class_of(seconds: float) -> int:
    """Which of the classes it falls into, from 0."""
    return bisect_left(FIRST_TOKEN_BOUNDS, seconds)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The upper end of the class that it lies in; infinite for the last, None where nothing was counted."""
    total, passed = sum(counts), 0
    for end, count in zip((*FIRST_TOKEN_BOUNDS, math.inf), counts, strict=True):
        passed += count
        if passed and passed >= share * total:
            return end
    return None
