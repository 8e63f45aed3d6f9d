"""Logs of several services as one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colonnade.cli.journal import Journal, rendered
from colonnade.supervise.home import Home
from colonnade.supervise.logfile import RotatingLog

Run = Callable[..., Any]


def line(second: int, service: str, event: str, **fields: Any) -> str:
    stamp = f"2026-01-02T03:04:{second:02}.500000Z"
    return json.dumps(
        {"timestamp": stamp, "level": "info", "service": service, "logger": "x", "event": event} | fields
    )


@pytest.fixture
def logs(home: Home) -> Home:
    home.log("gateway").write_text(
        "\n".join(
            [line(1, "gateway", "one", status=200), line(4, "gateway", "four"), "Traceback", "  of four", ""]
        )
    )
    home.log("engine").write_text(line(2, "engine", "two") + "\n" + line(5, "engine", "five") + "\n")
    return home


def test_lines_of_all_are_merged_by_time(logs: Home, colonnade: Run) -> None:
    shown = colonnade("logs").out.splitlines()
    assert [words.split()[-1] for words in shown] == [
        "status=200",
        "two",
        "four",
        "Traceback",
        "four",
        "five",
    ]
    assert shown[0] == "03:04:01.500 gateway    info     one status=200"
    assert shown[3] == "03:04:04.500 gateway    Traceback"


def test_one_service_and_a_few_lines(logs: Home, colonnade: Run) -> None:
    assert len(colonnade("logs", "engine").out.splitlines()) == 2
    assert "five" in colonnade("logs", "-n", "1").out
    assert colonnade("logs", "-n", "0").out == ""
    assert json.loads(colonnade("logs", "-n", "1", "--raw").out)["event"] == "five"


def test_an_unknown_service(logs: Home, colonnade: Run) -> None:
    done = colonnade("logs", "oven")
    assert done.status == 1
    assert "engine, gateway" in done.err


def test_no_logs_yet(home: Home, colonnade: Run) -> None:
    assert "colonnade up" in colonnade("logs").err


def test_control_characters_of_a_log_are_not_shown(home: Home, colonnade: Run) -> None:
    home.log("engine").write_text("\x1b[2Jhi [bold]there[/bold]\n")
    assert colonnade("logs").out.strip().endswith("[2Jhi [bold]there[/bold]")


def test_what_turned_over_is_read_too(home: Home) -> None:
    log = RotatingLog(home.log("engine"), max_bytes=300, keep=3)
    for second in range(6):
        log.write((line(second, "engine", f"event-{second}") + "\n").encode())
    log.close()
    events = [found.fields["event"] for found in Journal([home.log("engine")]).last(3)]
    assert events[-1] == "event-5"
    assert len(events) == 3


def test_following_over_a_turn(home: Home) -> None:
    path = home.log("engine")
    log = RotatingLog(path, max_bytes=150, keep=3)
    log.write((line(0, "engine", "before") + "\n").encode())
    written = iter(range(1, 4))

    def write_more(_seconds: float) -> None:
        """Runs instead of a pause: the log grows while it is followed."""
        second = next(written)
        whole = line(second, "engine", f"event-{second}") + "\n"
        log.write(whole.encode())

    journal = Journal([path], sleep=write_more)
    assert [found.fields["event"] for found in journal.last(10)] == ["before"]
    following = journal.follow()
    assert [next(following).fields["event"] for _ in range(3)] == ["event-1", "event-2", "event-3"]
    log.close()


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_text("half")
    pieces = iter([" a", " line\n"])

    def write_more(_seconds: float) -> None:
        with path.open("a") as file:
            file.write(next(pieces))

    journal = Journal([path], sleep=write_more)
    assert journal.last(10) == []
    assert next(journal.follow()).raw == "half a line"


def test_long_logs_are_read_from_near_their_end(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_text("".join(line(0, "engine", f"event-{number}") + "\n" for number in range(10_000)))
    last = Journal([path]).last(2)
    assert [found.fields["event"] for found in last] == ["event-9998", "event-9999"]


def test_rendering(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_text(
        line(0, "engine", "died", exception={"type": "OSError"}, ok=True) + "\n" + "[" * 5000 + "\n"
    )
    first, second = Journal([path]).last(2)
    assert rendered(first).plain.endswith('died exception={"type": "OSError"} ok=true')
    assert rendered(second).plain.endswith("[[[")
