"""What a preparation tells of itself while it works."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    stage: str
    """``tokenizer``, ``validation`` or ``train``: each reads its sources from the beginning."""
    source: str
    bytes_done: int
    """Stored bytes of the stage's sources that were read."""
    bytes_total: int
    bytes_per_second: float
    """Since this process began with the stage."""
    documents: int
    """Kept so far, in all stages."""
    tokens: int

    @property
    def seconds_left(self) -> float | None:
        if self.bytes_per_second <= 0:
            return None
        return (self.bytes_total - self.bytes_done) / self.bytes_per_second


Tell = Callable[[Progress], None]


class Meter:
    """Bytes a second of one stage, of which an earlier process read the first ``before``."""

    def __init__(
        self, stage: str, total: int, before: int, tell: Tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stage, self._total, self._before = stage, total, before
        self._tell, self._clock, self._began = tell, clock, clock()

    def told(self, source: str, done: int, documents: int, tokens: int) -> None:
        seconds = self._clock() - self._began
        rate = (done - self._before) / seconds if seconds > 0 else 0.0
        self._tell(Progress(self._stage, source, done, self._total, rate, documents, tokens))
