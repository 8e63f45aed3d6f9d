"""The reader's side of an audit chain."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from colonnade.security.audit.record import MAX_RECORD_BYTES, Head, Record, parse
from colonnade.security.audit.sealing import unsealed
from colonnade.security.audit.subject_keys import SubjectKeys, key_file
from colonnade.security.envelope import Keyring

_MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """``line`` counts from 1; 0 means the file as a whole."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verify`` found. ``head`` is the last record that could be read, None where there was none."""

    records: int
    head: Head | None
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(path: Path, *, expected: Head | None = None) -> Verification:
    """Reads the whole chain and reports what is not as it was written, up to 20 problems.

    Finds every changed byte, and every record that was taken out, put in or moved. Records cut off at the end
    are found only by a head known from before: ``expected`` must be in the chain. A missing file counts.
    """
    if not path.exists():
        return Verification(0, None, (Problem(0, "the file is missing"),))
    checker = _Checker(expected)
    for number, line in _lines(path):
        checker.look(number, line)
        if len(checker.problems) >= _MAX_PROBLEMS:
            break
    return checker.verdict()


def read(path: Path) -> Iterator[Record]:
    """The records of a chain in order, without verifying it; lines that are none are left out."""
    for _, line in _lines(path):
        record = parse(line[:-1])
        if record is not None:
            yield record


def read_opened(path: Path, keyring: Keyring | None = None) -> Iterator[Record]:
    """As ``read``, with what is sealed of people opened; ``erased`` stands where their key is gone."""
    beside = key_file(path)
    keys = SubjectKeys(beside, keyring, writes=False) if beside.exists() else None
    try:
        for record in read(path):
            yield unsealed(record, keys)
    finally:
        if keys:
            keys.close()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with their line breaks; one that is too long comes in pieces, none of which is a record."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES):
            number += 1
            yield number, line


class _Checker:
    def __init__(self, expected: Head | None) -> None:
        self.problems: list[Problem] = []
        self._expected = expected
        self._expected_seen = expected is None or expected.seq == 0
        self._last: Record | None = None
        self._count = 0

    def look(self, number: int, line: bytes) -> None:
        record = parse(line[:-1]) if line.endswith(b"\n") else None
        if record is None:
            whole = line.endswith(b"\n")
            self._report(number, "is not a record" if whole else "is unfinished")
            return
        self._count += 1
        self._check(number, record)
        self._expected_seen |= record.head == self._expected
        self._last = record

    def verdict(self) -> Verification:
        if not self._expected_seen:
            self._report(0, "the expected record is missing: the end was cut off or the chain written anew")
        return Verification(self._count, self._last.head if self._last else None, tuple(self.problems))

    def _check(self, number: int, record: Record) -> None:
        if not record.is_whole():
            self._report(number, "was changed: its hash does not match")
        before = self._last.head if self._last else Head.before_first(record.writer)
        if record.seq != before.seq + 1:
            self._report(number, f"has number {record.seq} after {before.seq}")
        if record.prev != before.hash:
            self._report(number, "does not follow from the record before")
        if self._last and record.writer != self._last.writer:
            self._report(number, "is by another writer")

    def _report(self, line: int, what: str) -> None:
        self.problems.append(Problem(line, what))
