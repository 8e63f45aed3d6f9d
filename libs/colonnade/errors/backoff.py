"""When to try again what failed."""

_DOUBLINGS = 64
"""Nobody waits for more; two to the power of a few thousand is no float."""


def backoff(failures: int, *, first: float, longest: float) -> float:
    """Seconds to wait after the n-th failure in a row (from 1): ``first``, then twice as long each time."""
    return min(longest, first * 2.0 ** min(failures - 1, _DOUBLINGS))
