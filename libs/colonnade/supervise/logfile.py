"""A log file that never outgrows its allowance: full ones become ``.1``, ``.2`` ..., the oldest goes."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO


class RotatingLog:
    """Appends bytes; turns over between lines only. A full disk loses lines and stops nothing."""

    def __init__(self, path: Path, *, max_bytes: int = 10 * 1024 * 1024, keep: int = 3) -> None:
        self._path = path
        self._max = max_bytes
        self._keep = keep
        self._file = self._open()
        self.lost_bytes = 0

    def write(self, data: bytes) -> None:
        try:
            if self._file.closed:
                self._file = self._open()  # it could not be opened after the last turn
            self._file.write(data)
            # A line without end must not keep the file growing for ever.
            size = self._file.tell()
            if size >= 2 * self._max or (size >= self._max and data.endswith(b"\n")):
                self._turn_over()
        except OSError:
            self.lost_bytes += len(data)

    def close(self) -> None:
        self._file.close()

    def _open(self) -> BinaryIO:
        file = self._path.open("ab", buffering=0)
        self._path.chmod(0o600)
        return file

    def _turn_over(self) -> None:
        self._file.close()
        for number in range(self._keep, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._file = self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


def tail(path: Path, lines: int, *, max_bytes: int = 64 * 1024) -> list[str]:
    """The last lines of a log; none where there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - max_bytes))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


class LogHandler(logging.Handler):
    """Sends the supervisor's own ``logging`` to a ``RotatingLog``, as JSON lines like every service's."""

    def __init__(self, log: RotatingLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.write(_render(record).encode())

    def close(self) -> None:
        self._log.close()
        super().close()


def _render(record: logging.LogRecord) -> str:
    line = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "service": "supervisor",
        "logger": record.name,
        "event": record.getMessage(),
    }
    if record.exc_info:
        line["exception"] = logging.Formatter().formatException(record.exc_info)
    return json.dumps(line) + "\n"
