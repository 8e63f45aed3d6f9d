"""Logs turn over, and a full disk is survived."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from colonnade.supervise.logfile import LogHandler, RotatingLog, tail


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RotatingLog]:
    made = RotatingLog(tmp_path / "x.log", max_bytes=100, keep=2)
    yield made
    made.close()


def test_turns_over_between_lines_and_keeps_a_few(log: RotatingLog, tmp_path: Path) -> None:
    for number in range(100):
        log.write(f"line {number:03}\n".encode())
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["x.log", "x.log.1", "x.log.2"]
    for path in tmp_path.iterdir():
        assert path.stat().st_size < 120
        assert path.stat().st_mode & 0o077 == 0
        assert all(len(line) == 8 for line in path.read_text().splitlines())
    assert (tmp_path / "x.log.1").read_text() > (tmp_path / "x.log.2").read_text()


def test_a_line_without_end_cannot_fill_the_disk(log: RotatingLog, tmp_path: Path) -> None:
    for _ in range(1000):
        log.write(b"x" * 10)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * 210


def test_appends_to_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("before\n")
    log = RotatingLog(tmp_path / "x.log")
    log.write(b"after\n")
    log.close()
    assert (tmp_path / "x.log").read_text() == "before\nafter\n"


def test_a_log_that_cannot_be_written_loses_lines_and_goes_on_when_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = RotatingLog(folder / "x.log", max_bytes=10, keep=1)
    (folder / "x.log").unlink()
    folder.rename(tmp_path / "gone")
    log.write(b"a line that turns over\n")
    log.write(b"lost\n")
    assert log.lost_bytes
    folder.mkdir()
    log.write(b"kept\n")
    log.close()
    assert (folder / "x.log").read_text() == "kept\n"


def test_the_supervisors_own_lines_are_json(log: RotatingLog, tmp_path: Path) -> None:
    handler = LogHandler(log)
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.getLogger("colonnade.x").makeRecord(
            "colonnade.x", logging.ERROR, "", 1, "engine %s", ("died",), __import__("sys").exc_info()
        )
    handler.emit(record)
    (line,) = tail(tmp_path / "x.log.1", 1) or tail(tmp_path / "x.log", 1)
    assert '"event": "engine died"' in line
    assert "ValueError: no" in line


def test_tail(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    assert tail(path, 3) == []
    path.write_bytes(b"\xff one\ntwo\nthree\nfour\n")
    assert tail(path, 2) == ["three", "four"]
