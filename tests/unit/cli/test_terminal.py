"""What the commands write to: bars and lines for what takes long, and what others wrote."""

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


def test_an_aside_is_dim_in_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal.aside("it\x1b[31m says\nthis")
    monkeypatch.setattr(terminal, "err", lambda: Console(file=io.StringIO(), force_terminal=True))
    terminal.aside("it says\nthis")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.aside("no more")
    dim = "\x1b[2mit says\x1b[0m\n\x1b[2mthis\x1b[0m\n"
    assert capsys.readouterr().err == f"it[31m says\nthis\n{dim}no more\n"


def test_what_others_wrote_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    rows = terminal.table("name")
    for name in ("[/x]", "[red]x[/red]", ":smile:"):
        rows.add_row(name)
        terminal.out().print(name)
    terminal.out().print(rows)
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == ["[/x]", "[red]x[/red]", ":smile:", "name", "[/x]", "[red]x[/red]", ":smile:"]
