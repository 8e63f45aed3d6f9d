"""Ending a run between two steps: SIGTERM and SIGINT ask for it, the second one insists."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody wants the run to end after the step that is under way."""

    def __init__(self) -> None:
        self.wanted = False

    def ask(self) -> None:
        self.wanted = True

    @contextmanager
    def by_signal(self) -> Iterator[None]:
        """Within it the first signal asks; the next one ends the process as it always does."""

        def heard(number: int, _frame: FrameType | None) -> None:
            self.ask()
            signal.signal(number, before[signal.Signals(number)])

        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, heard) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
