"""How sure a share of few is."""

import math

_Z95 = 1.959963984540054


def least_rate(hits: int, of: int) -> float:
    """The lower end of the share's 95 % interval (E. B. Wilson, 1927); 0 of nothing."""
    if not hits or not of:
        return 0.0
    rate, z2 = hits / of, _Z95**2
    spread = _Z95 * math.sqrt(rate * (1 - rate) / of + z2 / (4 * of * of))
    return max(0.0, (rate + z2 / (2 * of) - spread) / (1 + z2 / of))
