"""The state machine under circuit breakers and ejections: closed, open for a while, half open."""

from enum import StrEnum

from colonnade.errors import backoff


class State(StrEnum):
    CLOSED = "closed"
    """Everything passes."""
    OPEN = "open"
    """Nothing passes."""
    HALF_OPEN = "half_open"
    """One request at a time may try."""


class Gate:
    """Opens for longer each time, up to a limit; what was long ago is forgotten."""

    def __init__(self, base_seconds: float, longest_seconds: float) -> None:
        self._base = base_seconds
        self._longest = longest_seconds
        self._until: float | None = None
        self._openings = 0
        self._closed_at = 0.0
        self._probing = False
        self.opened_at = 0.0

    @property
    def opened(self) -> bool:
        """Whether it ever did."""
        return self._openings > 0

    def state(self, now: float) -> State:
        if self._until is None:
            return State.CLOSED
        return State.OPEN if now < self._until else State.HALF_OPEN

    def admits(self, now: float) -> bool:
        state = self.state(now)
        return state is State.CLOSED or (state is State.HALF_OPEN and not self._probing)

    def enter(self, now: float) -> bool:
        """A request passes; whether it is the one whose end decides."""
        if self.state(now) is not State.HALF_OPEN or self._probing:
            return False
        self._probing = True
        return True

    def undecided(self) -> None:
        """The request that was to decide came to nothing that tells: the next one may try."""
        self._probing = False

    def open(self, now: float) -> None:
        """Lets nothing through for a while."""
        if self._until is None and now - self._closed_at > self._longest:
            self._openings = 0
        if self._until is None:
            self.opened_at = now
        self._openings += 1
        self._until = now + self.seconds(self._openings)
        self._probing = False

    def close(self, now: float) -> None:
        self._until, self._closed_at, self._probing = None, now, False

    def left(self, now: float) -> float:
        """Seconds until it is half open."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def seconds(self, openings: int) -> float:
        """How long it opens for the n-th time in a row."""
        return backoff(openings, first=self._base, longest=self._longest)
