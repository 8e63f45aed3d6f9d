"""The writer's side of an audit chain."""

import asyncio
import fcntl
import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from colonnade.errors import Conflict, InvalidArgument, Unavailable
from colonnade.security.audit.record import MAX_RECORD_BYTES, Head, Record, make, parse
from colonnade.security.audit.sealing import sealed
from colonnade.security.audit.subject_keys import SubjectKeys, key_file
from colonnade.security.envelope import Keyring
from colonnade.security.identity import Principal

_LOG = logging.getLogger(__name__)
_WORD = re.compile(r"[a-z][a-z0-9_.:-]{0,63}", re.ASCII)
_NOBODY = Principal("", "", frozenset())


class AuditLog:
    """Appends to the chain of one writer; opening takes the file for this process alone.

    ``append`` returns when the record is on disk and suits threads; ``record`` is the same for asyncio,
    where many records under way share one fsync; ``note`` does not wait: its record survives the end of
    this process, and a loss of power once the next fsync is done. Many tasks or threads may call all three.

    What a record says of a person is sealed with that person's key, which lies beside the log and is on the
    disk before the record is; ``erase`` destroys it, and notes that in the file ``destroyed``, which is in no
    backup of the log. ``keyring`` seals those keys in turn.

    A line that a killed process left unfinished is cut off on opening, and that is recorded too. Raises
    ``Conflict`` where another process has the file, ``Unavailable`` where it is damaged or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        writer: str,
        *,
        keyring: Keyring | None = None,
        destroyed: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        _check_word(writer, "writer")
        self._writer = writer
        self._clock = clock
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._group = asyncio.Lock()
        self._broken = False
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(path, flags, 0o600)
        try:
            self._take(path)
            self._keys = SubjectKeys(key_file(path), keyring, destroyed_file=destroyed)
            try:
                self._head = self._recover()
            except BaseException:
                self._keys.close()
                raise
        except BaseException:
            os.close(self._file)
            raise
        self._synced = self._head.seq

    @property
    def head(self) -> Head:
        """The last record. A copy kept elsewhere shows later whether the end of the file was cut off."""
        return self._head

    def append(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> Record:
        """Writes one record and waits for the disk. ``facts`` are plain JSON data and never hold a secret.

        ``principal`` is None where the caller is unknown; the id of its key joins the facts.
        """
        record = self._write(action, principal, outcome, facts)
        self._sync()
        return record

    async def record(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> None:
        """As ``append``, without blocking the event loop."""
        record = self._write(action, principal, outcome, facts)
        async with self._group:
            if self._synced < record.seq:
                await asyncio.to_thread(self._sync)

    def note(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> None:
        """Writes one record without waiting for the disk; where it cannot be written, the log says so."""
        try:
            self._write(action, principal, outcome, facts)
        except Unavailable as error:
            _LOG.error("audit record lost: %s %s: %s", action, outcome, error.message)

    async def erase(self, tenant: str, subject: str) -> int:
        """Destroys the person's key, so that what was sealed with it is unreadable; how many there were. The
        chain stays as it is. Raises ``Unavailable`` where the key cannot be overwritten."""
        return await asyncio.to_thread(self._destroy, tenant, subject)

    def close(self) -> None:
        """Waits for the disk and lets go of the file. Safe to call twice."""
        with self._syncing, self._lock:
            file, self._file, self._broken = self._file, -1, True
            if file >= 0:
                try:
                    self._keys.sync()
                    os.fsync(file)
                finally:
                    os.close(file)
                    self._keys.close()

    def __enter__(self) -> "AuditLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, path: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("another process writes this audit log", writer=self._writer) from None
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _recover(self) -> Head:
        size = os.fstat(self._file).st_size
        tail = os.pread(self._file, 2 * MAX_RECORD_BYTES, max(0, size - 2 * MAX_RECORD_BYTES))
        whole, line_break, torn = tail.rpartition(b"\n")
        if len(torn) > MAX_RECORD_BYTES:
            raise self._damaged()
        self._head = self._last(whole) if line_break else Head.before_first(self._writer)
        if torn:
            os.ftruncate(self._file, size - len(torn))
            digest = hashlib.sha256(torn).hexdigest()
            self._write("audit.recovered", None, "ok", {"bytes": len(torn), "sha256": digest})
            os.fsync(self._file)
        return self._head

    def _last(self, whole: bytes) -> Head:
        last = parse(whole.rpartition(b"\n")[2])
        if last is None or not last.is_whole() or last.writer != self._writer:
            raise self._damaged()
        return last.head

    def _damaged(self) -> Unavailable:
        return Unavailable(
            f"the audit log of {self._writer} is damaged at its end; move it away, keep it as evidence"
        )

    def _write(self, action: str, principal: Principal | None, outcome: str, facts: dict[str, Any]) -> Record:
        _check_word(action, "action")
        _check_word(outcome, "outcome")
        who = principal or _NOBODY
        if who.key_id:
            facts = facts | {"caller_key_id": who.key_id}
        with self._lock:
            if self._broken:
                raise Unavailable(
                    "the audit log is closed or cannot be written; what needs a record is refused"
                )
            subject, facts = sealed(who, facts, self._keys)
            record = make(
                self._head,
                time=datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="microseconds"),
                writer=self._writer,
                action=action,
                tenant=who.tenant,
                subject=subject,
                outcome=outcome,
                facts=facts,
            )
            self._put(record.line())
            self._head = record.head
        return record

    def _put(self, line: bytes) -> None:
        """All of ``line`` or nothing: a full disk must not leave half a record for the next to follow."""
        before = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            self._undo(before)
            raise Unavailable(f"the audit log cannot be written ({error.strerror})") from error

    def _undo(self, size: int) -> None:
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self._broken = True

    def _destroy(self, tenant: str, subject: str) -> int:
        with self._lock:
            if self._broken:
                raise Unavailable("the audit log is closed or cannot be written; try again")
            try:
                return int(self._keys.destroy(tenant, subject))
            except OSError as error:
                raise Unavailable(f"the audit log's keys cannot be written ({error.strerror})") from error

    def _sync(self) -> None:
        """After a failed fsync nobody knows what is on disk, so the log takes no more."""
        with self._syncing:
            upto = self._head.seq
            try:
                self._keys.sync()
                os.fsync(self._file)
            except OSError as error:
                self._broken = True
                raise Unavailable(f"the audit log cannot be written ({error.strerror})") from error
            self._synced = max(self._synced, upto)


def _check_word(value: str, field: str) -> None:
    if not _WORD.fullmatch(value):
        raise InvalidArgument(f"{field} of an audit record must be a lower-case word", field=field)
