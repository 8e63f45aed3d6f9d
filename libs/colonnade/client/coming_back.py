"""When a stream that broke is opened again. Shared by both clients."""

from colonnade.errors import ColonnadeError, DeadlineExceeded, Overloaded, Unavailable
from colonnade.errors.backoff import backoff

COME_BACK = (Unavailable, DeadlineExceeded, Overloaded)
"""What passes by itself."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 10.0


def pause(failures: int) -> float:
    """Seconds; also before coming back to a stream that ended well: it may have been the platform's last."""
    return backoff(max(1, failures), first=_FIRST_PAUSE_SECONDS, longest=_LONGEST_PAUSE_SECONDS)


class Outage:
    """Failures in a row. What fails before the first answer is raised: that platform may never have been."""

    def __init__(self) -> None:
        self._answered = False
        self._failures = 0

    def over(self) -> None:
        """There was an answer."""
        self._answered, self._failures = True, 0

    def pause(self, error: ColonnadeError) -> float:
        """Seconds before the next try."""
        if not self._answered:
            raise error
        self._failures += 1
        return pause(self._failures)
