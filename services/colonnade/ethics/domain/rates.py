"""How sure a share of few is."""

import math

Z95 = 1.959963984540054
"""Standard deviations of a normal distribution that 95 % lie within."""


def wilson(hits: float, of: int) -> tuple[float, float]:
    """The share's 95 % interval (E. B. Wilson, 1927); 0 to 1 of nothing."""
    if not of:
        return 0.0, 1.0
    rate, square = hits / of, Z95**2
    middle, grown = rate + square / (2 * of), 1 + square / of
    half = Z95 * math.sqrt(rate * (1 - rate) / of + square / (4 * of * of))
    # At the ends the difference is 0 but for rounding; above 0 would be more than nothing.
    low = (middle - half) / grown if hits else 0.0
    high = (middle + half) / grown if hits < of else 1.0
    return low, high
