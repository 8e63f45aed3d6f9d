"""Keeps an eye on every request: who must run alone, who must not run, who is in the forward."""

from collections.abc import Sequence as Row
from pathlib import Path

from colonnade.engine.faults.crashes import CrashBook
from colonnade.engine.faults.fingerprint import fingerprint
from colonnade.engine.faults.journal import Journal
from colonnade.engine.sequence import FinishReason, Sequence, Update
from colonnade.errors import Unavailable

_ENDED_WELL = frozenset({FinishReason.STOP, FinishReason.LENGTH})


class FaultWatch:
    """``judge`` and ``ended`` are called on the event loop, ``forward`` in the core's thread."""

    def __init__(self, folder: Path, *, capacity: int, refusal_seconds: float) -> None:
        """Reads what the process before this one left in ``folder``. ``capacity``: requests of a forward."""
        self._journal = Journal(folder / "forward", capacity)
        self._book = CrashBook(folder / "crashes.json", refusal_seconds)
        if self._journal.left_over:
            self._book.died_with(self._journal.left_over)

    def judge(self, sequence: Sequence) -> None:
        """Before it is queued: has a suspect run alone. Raises ``InvalidArgument`` for a proven killer."""
        work = sequence.work
        sequence.fingerprint = fingerprint(sequence.runtime.ref.digest, work.adapter or "", work.tokens)
        if self._book.suspected(sequence.fingerprint):
            sequence.exclusive = True

    def forward(self, sequences: Row[Sequence]) -> None:
        """A forward of these begins; of none: it has ended."""
        if sequences:
            self._journal.begin([each.fingerprint for each in sequences if each.fingerprint])
        else:
            self._journal.end()

    def ended(self, update: Update) -> None:
        """A suspect that got its answer, or failed alone, is none any more. One that left early still is."""
        if update.sequence.exclusive and _survived(update):
            self._book.came_through(update.sequence.fingerprint)

    def close(self) -> None:
        self._journal.close()


def _survived(update: Update) -> bool:
    if update.error:
        return not isinstance(update.error, Unavailable)  # which is what an engine says that is being stopped
    return update.finish is not None and update.finish.reason in _ENDED_WELL
