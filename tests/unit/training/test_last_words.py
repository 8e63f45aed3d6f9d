"""How a worker said that it ended."""

import json
from pathlib import Path

import pytest

from colonnade.training.adapters.last_words import last_words
from colonnade.training.domain import Ending

DONE = {"event": "done", "ending": "done", "sentence": "fine"}


def said(path: Path, *lines: object, torn: str = "") -> tuple[Ending, str]:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + torn)
    return last_words(path)


@pytest.mark.parametrize(
    ("line", "ending", "words"),
    [
        (DONE, Ending.DONE, "fine"),
        (DONE | {"ending": "stopped", "sentence": None}, Ending.STOPPED, ""),
        (DONE | {"ending": "sick"}, Ending.SICK, "fine"),
        (DONE | {"ending": "of another release"}, Ending.NONE, "fine"),
        ({"event": "error", "code": "invalid_argument", "message": "steps"}, Ending.REFUSED, "steps"),
        ({"event": "error", "code": "internal", "message": "disk"}, Ending.REFUSED, "disk"),
        ({"event": "error", "code": "unavailable", "message": "s3 is away"}, Ending.NONE, "s3 is away"),
        ({"event": "step", "step": 1}, Ending.NONE, ""),
        ([1], Ending.NONE, ""),
    ],
)
def test_the_last_line_that_is_about_the_end(
    tmp_path: Path, line: object, ending: Ending, words: str
) -> None:
    assert said(tmp_path / "out", {"event": "step"}, line, {"event": "note"}) == (ending, words)


def test_a_worker_that_was_killed_said_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "out") == (Ending.NONE, "")
    assert said(tmp_path / "out") == (Ending.NONE, "")
    assert said(tmp_path / "out", {"event": "step"}, torn=json.dumps(DONE)[:20]) == (Ending.NONE, "")


def test_however_much_it_told_the_end_is_found(tmp_path: Path) -> None:
    steps = [{"event": "step", "step": at} for at in range(20_000)]
    assert said(tmp_path / "out", *steps, DONE) == (Ending.DONE, "fine")
