"""A token bucket: full at first, refilled evenly, taken from at once."""

from dataclasses import dataclass

from colonnade.gateway.domain.fair_use import WINDOW_SECONDS

_ROUNDING = 1e-9
"""Of a limit: what refilling in many small steps may lose."""


@dataclass(slots=True)
class Bucket:
    """Holds ``limit`` at most, and gets as much in a minute. ``limit`` may differ from call to call.

    A debt, where more was taken than estimated, is never above ``limit``: a minute pays it off."""

    level: float
    at: float

    @classmethod
    def full(cls, limit: int, now: float) -> "Bucket":
        return cls(float(limit), now)

    def refill(self, limit: int, now: float) -> None:
        """A clock that goes back refills nothing."""
        passed = max(0.0, now - self.at)
        self.level = min(float(limit), self.level + passed * limit / WINDOW_SECONDS)
        self.at = max(self.at, now)

    def wait(self, amount: float, limit: int) -> float:
        """Seconds until ``amount`` is there; more than a bucket can hold waits until it is full."""
        missing = min(amount, limit) - self.level
        return missing * WINDOW_SECONDS / limit if missing > _ROUNDING * limit else 0.0

    def change(self, amount: float, limit: int) -> None:
        """Adds, or takes where ``amount`` is negative."""
        self.level = max(-float(limit), min(float(limit), self.level + amount))
