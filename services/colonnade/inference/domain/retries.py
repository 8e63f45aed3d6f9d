"""How many requests may be put to an engine again: few of all, so that retries cannot melt a fleet."""

from collections.abc import Callable
from dataclasses import dataclass

from colonnade.inference.domain.windows import Window

_REQUEST, _RETRY = 0, 1


@dataclass(frozen=True, slots=True)
class RetryLimits:
    share: float = 0.2
    """Of the requests of the window, that may be retries."""
    least: int = 100
    """Retries that are always allowed in a window: one engine's fall must not exceed what few requests
    allow."""
    window_seconds: float = 10.0


class RetryBudget:
    """At most ``least`` and a ``share`` of the requests of any window are retries."""

    def __init__(self, limits: RetryLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._window = Window(limits.window_seconds)

    def asked(self) -> None:
        """A request began."""
        self._window.add(self._clock(), _REQUEST)

    def spend(self) -> bool:
        """Takes one retry out of the budget; False, and nothing taken, where it is spent."""
        now = self._clock()
        requests, retries = self._window.totals(now)
        if retries >= self._limits.least + self._limits.share * requests:
            return False
        self._window.add(now, _RETRY)
        return True
