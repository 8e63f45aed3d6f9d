"""How far something long is: a bar in a terminal, lines elsewhere."""

import io

import pytest
from rich.console import Console

from colonnade.cli import terminal
from colonnade.cli.terminal import Step, progress


def test_a_log_gets_a_line_a_stage_and_a_part(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(parts=2) as show:
        for done in range(10):
            show(Step("read", done, 10, f"{done} of 10"))
        show(Step("store", 0, 0, "no end in sight"))
        show(Step("done", 1, 1, "all", last=True))
    assert capsys.readouterr().err.splitlines() == [
        "  read 0 of 10",
        "  read 5 of 10",
        "  store no end in sight",
    ]


def test_a_terminal_gets_a_bar_with_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80)
    monkeypatch.setattr(terminal, "err", lambda: console)
    with progress(parts=2) as show:
        show(Step("[b]read", 3, 10, "3 of 10"))
    assert "[b]read" in shown.getvalue()
    assert "3 of 10" in shown.getvalue()
