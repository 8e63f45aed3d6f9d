"""Entries of the usage ledger on their way to the database, in files that outlive the process.

An entry is appended before its answer is complete, in one write, which costs microseconds and which the
kernel keeps when the process is killed. Files are cut where entries are written to the database; each file is
a batch of its own, whose name the database remembers: so a file that is found again is not counted again.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from datetime import date
from pathlib import Path

from colonnade.gateway.domain.usage import Account, Amounts, Entry
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_SUFFIX = ".jsonl"


@dataclass(slots=True)
class Batch:
    """One file and what is in it. The file is locked as long as it is open."""

    id: str
    entries: list[Entry] = field(default_factory=list)
    file: int | None = None
    """None where it could not be made: then the entries are in memory alone."""


class Journal:
    """Belongs to one process; takes over what others left behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._cut = list(self._left_behind())
        self._current: Batch | None = None

    def append(self, entry: Entry) -> None:
        if self._current is None:
            self._current = self._opened(uuid.uuid4().hex)
        self._current.entries.append(entry)
        if self._current.file is not None:
            try:
                os.write(self._current.file, _line(entry))
            except OSError as error:
                _LOG.error("usage is kept in memory only until it is in the database", reason=error.strerror)

    def cut(self) -> list[Batch]:
        """All batches that are not done; what is appended from now on goes into another one."""
        if self._current is not None:
            self._cut.append(self._current)
            self._current = None
        return list(self._cut)

    def done(self, batch: Batch) -> None:
        """Its entries are in the database."""
        self._cut.remove(batch)
        if batch.file is not None:
            (self._folder / f"{batch.id}{_SUFFIX}").unlink(missing_ok=True)
            os.close(batch.file)

    @property
    def pending(self) -> Iterator[Entry]:
        """What is not in the database yet."""
        for batch in [*self._cut, *filter(None, [self._current])]:
            yield from batch.entries

    def close(self) -> None:
        """Leaves what is not done for the next process."""
        for batch in self.cut():
            self._cut.remove(batch)
            if batch.file is not None:
                os.close(batch.file)

    def _opened(self, name: str) -> Batch:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            file = os.open(self._folder / f"{name}{_SUFFIX}", flags, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            _LOG.error("usage is kept in memory only until it is in the database", reason=error.strerror)
            return Batch(name)
        return Batch(name, file=file)

    def _left_behind(self) -> Iterator[Batch]:
        """Files whose process is gone. One whose process lives is locked."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.fstat(file).st_nlink:
                    raise BlockingIOError  # another process was faster, and is done with it
            except OSError:
                os.close(file)
                continue
            entries = [entry for line in path.read_bytes().splitlines() if (entry := _entry(line))]
            _LOG.info("usage of a process that was killed is counted now", requests=len(entries))
            yield Batch(path.stem, entries, file)


def _line(entry: Entry) -> bytes:
    return (
        json.dumps([entry.day.isoformat(), *astuple(entry.account), *astuple(entry.amounts)]).encode() + b"\n"
    )


def _entry(line: bytes) -> Entry | None:
    """None for a line that is not whole: the disk was full."""
    try:
        day, tenant, key_id, model, adapter, *amounts = json.loads(line)
        return Entry(Account(tenant, key_id, model, adapter), date.fromisoformat(day), Amounts(*amounts))
    except (ValueError, TypeError):
        _LOG.warning("a torn line in the usage journal is left out")
        return None
