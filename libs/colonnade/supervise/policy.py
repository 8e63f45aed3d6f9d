"""When to start a process again: exponential back-off, forgotten once it has been well for a while."""

from dataclasses import dataclass, field

from colonnade.errors import backoff


@dataclass(slots=True)
class RestartPolicy:
    """Pure: the caller brings the time (seconds of any monotonic clock).

    A kubelet waits 10 s to 5 min and forgets after 10 min; these pauses suit a person at a terminal.
    """

    base_seconds: float = 0.5
    limit_seconds: float = 30.0
    stable_seconds: float = 60.0
    """Ready for this long, a process has proved itself: the next end counts as the first."""
    loop_after: int = 3
    """From this many ends in a row on, it is a crash loop."""
    failures: int = 0
    _ready_at: float | None = field(default=None, repr=False)

    def started(self) -> None:
        self._ready_at = None

    def ready(self, now: float) -> None:
        """It says that it is ready; the first such answer since its start, or since ``unready``, counts."""
        if self._ready_at is None:
            self._ready_at = now

    def unready(self) -> None:
        self._ready_at = None

    def ended(self, now: float) -> float:
        """The process ended by itself or was killed for not answering; returns the seconds to wait."""
        if self._ready_at is not None and now - self._ready_at >= self.stable_seconds:
            self.failures = 0
        self._ready_at = None
        self.failures += 1
        return backoff(self.failures, first=self.base_seconds, longest=self.limit_seconds)

    def forgive(self) -> None:
        """Somebody asked for a restart: start from nothing."""
        self.failures = 0
        self._ready_at = None

    @property
    def looping(self) -> bool:
        return self.failures >= self.loop_after
