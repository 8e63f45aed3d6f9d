"""Values of a store, remembered for a while."""

from typing import Generic, TypeVar

_T = TypeVar("_T")
_ASKING_SECONDS = 1.0


class Known(Generic[_T]):
    """Fresh for ``seconds``; then one request looks it up again, and the others go on with what is known.

    If all that come while it is stale asked, a busy gateway would ask hundreds of times at once, again and
    again. Without an answer it is no longer used once it is twice as old as it may be: then everyone asks."""

    __slots__ = ("_last", "_until", "value")

    def __init__(self, value: _T, now: float, seconds: float) -> None:
        """``now`` is when it was asked for."""
        self.value = value
        self._until, self._last = now + seconds, now + 2 * seconds

    def due(self, now: float) -> bool:
        """Whether whoever asks this has to look it up."""
        if now < self._until:
            return False
        self._until = min(now + _ASKING_SECONDS, self._last)
        return True
