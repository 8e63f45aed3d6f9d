"""The thread that steps the core. Torch works here and nowhere else; asyncio hears of each step once."""

import threading
from collections.abc import Callable, Sequence

import torch

from colonnade.engine.core import Core
from colonnade.engine.sequence import Update
from colonnade.errors import Internal, Unavailable
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_STOP_SECONDS = 15.0
Deliver = Callable[[Sequence[Update]], None]


class Loop:
    """Runs ``core.step`` while there is work and sleeps on a condition while there is none.

    ``deliver`` gets the updates of each step, in this thread: it must only pass them on.
    """

    def __init__(
        self, core: Core, deliver: Deliver, threads: int, observe: Callable[[int], None] = lambda _: None
    ) -> None:
        """``observe`` hears how many sequences each forward had."""
        self._core, self._deliver, self._threads, self._observe = core, deliver, threads, observe
        self._thread = threading.Thread(target=self._run, name="engine-core", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the step it is in; what still waits or runs fails.

        A step that does not end is left behind: the thread does not keep the process alive."""
        self._core.stop()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        torch.set_num_threads(self._threads)  # OpenMP keeps this number for each thread
        while self._core.wait():
            self._turn()
        self._hand_over(
            self._core.fail_all(Unavailable("the engine was stopped before the answer was complete"))
        )

    def _turn(self) -> None:
        try:
            updates = self._core.step()
            if self._core.last_batch:
                self._observe(self._core.last_batch)
        except Exception:
            _LOG.exception("step failed")
            updates = self._core.fail_all(Internal("the engine failed and dropped its requests"))
        self._hand_over([each for each in updates if each.pieces or each.finish or each.error])

    def _hand_over(self, updates: Sequence[Update]) -> None:
        if not updates:
            return
        try:
            self._deliver(updates)
        except RuntimeError:  # the event loop is closed: nobody listens any more
            _LOG.warning("updates lost", count=len(updates))
