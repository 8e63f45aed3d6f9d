"""The checkpoints of a run: written beside the training, read again by what goes on with it."""

import fcntl
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from colonnade.errors import Conflict, InvalidArgument, Unavailable
from colonnade.learn.checkpoints import catalogue
from colonnade.learn.checkpoints.catalogue import Tell
from colonnade.learn.checkpoints.copies import Copied, Copies
from colonnade.learn.checkpoints.folder import folder_name, remove_checkpoint, sweep, write_checkpoint
from colonnade.learn.checkpoints.retention import Entry, Retention
from colonnade.learn.checkpoints.snapshot import Json, Snapshot, plain
from colonnade.storage.disk import sync_folder

SHARD_BYTES = 512 << 20
"""What a reader holds in memory besides the tensors is one file."""
_LOCK = ".lock"
_MOST_STEPS = 10**18


class CheckpointManager:
    """The one writer of a folder of checkpoints, ``<run>/checkpoints``; a second is refused by a lock.

    Only the thread that made it calls it. What is being written is on the disk when the next ``save``, or
    ``close``, has returned; the error of a write that failed is raised by the next call. Readers need none of
    this: see ``catalogue``.
    """

    def __init__(
        self, folder: Path, *, retention: Retention | None = None, shard_bytes: int = SHARD_BYTES
    ) -> None:
        """Makes the folder, and clears away what a killed writer left. Raises ``Conflict``."""
        if shard_bytes < 1:
            raise InvalidArgument("shard_bytes must be at least 1", field="shard_bytes", limit=1)
        self._root = folder
        self._retention = retention or Retention()
        self._shard_bytes = shard_bytes
        self._copies = Copies()
        self._damaged: set[int] = set()
        self._under_way: Future[None] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
        self._lock: int | None = _locked(folder / _LOCK)
        sweep(folder)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")

    def save(self, snapshot: Snapshot, *, wait: bool = False) -> None:
        """Copies all values as they are now, and writes them in a thread; with ``wait``, until it is done.

        Waits first for a write that is under way, so that there is one at most and one copy in memory.
        Raises ``InvalidArgument`` or ``Unsupported`` for what a checkpoint cannot hold."""
        self._settle()
        if not 0 <= snapshot.step < _MOST_STEPS:
            raise InvalidArgument("a snapshot's step must not be negative", field="step", limit=0)
        facts = plain(snapshot.facts)
        epoch = plain({"epoch": snapshot.epoch}, "snapshot")["epoch"]
        copied = self._copies.take(snapshot.tensors)
        self._under_way = self._writer.submit(self._write, snapshot.step, epoch, facts, copied)
        if wait:
            self._settle()

    def latest(self, tell: Tell) -> Snapshot | None:
        """The newest whole one, every byte checked; ``tell`` hears of each that was passed over, and why."""
        self._settle()
        found = catalogue.newest(self._root, tell)
        first = -1 if found is None else found.step
        self._damaged |= {step for step in catalogue.steps(self._root) if step > first}
        return found

    def best(self, tell: Tell) -> Snapshot | None:
        """The whole one that is best by the retention's metric; None where there is none."""
        self._settle()
        if self._retention.best is None:
            raise InvalidArgument("the retention names no metric to be best by", field="retention.best")
        return catalogue.best(self._root, self._retention.best, tell)

    def list(self) -> Sequence[Entry]:
        """Those that are there and not seen to be damaged, in order."""
        self._settle()
        return self._entries()

    def load(self, step: int) -> Snapshot:
        """Raises ``NotFound``, or says what is wrong with it."""
        self._settle()
        return catalogue.one(self._root, step)

    def forget_after(self, step: int) -> None:
        """Removes all later ones: a run that goes back to ``step`` must not come back to them."""
        self._settle()
        for later in reversed([each for each in catalogue.steps(self._root) if each > step]):
            if not remove_checkpoint(self._root / folder_name(later)):
                raise Conflict(f"the checkpoint of step {later} is being read; try again", field="step")

    def close(self) -> None:
        """Waits for the write that is under way and lets go of the folder; raises the error of that write."""
        try:
            self._settle()
        finally:
            self._writer.shutdown()
            if self._lock is not None:
                fcntl.flock(self._lock, fcntl.LOCK_UN)  # a child that was forked meanwhile has it open too
                os.close(self._lock)
                self._lock = None

    def __enter__(self) -> "CheckpointManager":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception as failed:
            if error is None:
                raise
            error.add_note(f"besides, the last checkpoint failed: {failed}")

    def _settle(self) -> None:
        """Waits for the write that is under way, and raises what it failed with, once."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def _write(self, step: int, epoch: float, facts: dict[str, Json], copied: Copied) -> None:
        """In the writer's thread."""
        try:
            write_checkpoint(self._root, step, epoch, facts, copied, self._shard_bytes)
        except OSError as error:
            raise Unavailable(
                f"the checkpoint of step {step} could not be written ({error.strerror}); those before it are "
                "as they were: free some space, or keep fewer of them, and save again",
                step=step,
            ) from error
        self._damaged.discard(step)
        self._retain(step)

    def _retain(self, newest: int) -> None:
        seen = self._entries()
        for step in {entry.step for entry in seen} - self._retention.kept(seen) - {newest}:
            remove_checkpoint(self._root / folder_name(step))  # one that is being read goes the next time

    def _entries(self) -> Sequence[Entry]:
        return [entry for entry in catalogue.entries(self._root) if entry.step not in self._damaged]


def _locked(path: Path) -> int:
    """Held for as long as this process lives, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace")
        os.close(descriptor)
        raise Conflict(
            f"this run's checkpoints are being written by another process (pid {holder or 'unknown'}); "
            "end it, or start a run in a folder of its own",
            field="folder",
        ) from None
    return descriptor
