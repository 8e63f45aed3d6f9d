"""Medians with their spread, and ratios of two engines that took turns."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some samples and the quartiles around it."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Raises ``ValueError`` if there are none."""
        if not samples:
            raise ValueError("no samples")
        ordered = sorted(samples)
        return cls(*(quantile(ordered, share) for share in (0.5, 0.25, 0.75)))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the sorted samples lie, interpolated between neighbours."""
    if not 0 <= share <= 1:
        raise ValueError("share must be between 0 and 1")
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def ratios(figure: Sequence[float], baseline: Sequence[float]) -> Spread:
    """Of the figure to the baseline, round by round, so that what slowed one round down slowed both."""
    return Spread.of([one / other for one, other in zip(figure, baseline, strict=True)])
