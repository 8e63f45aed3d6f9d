"""What the commands write to: results on stdout, remarks and errors on stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDE = 240
_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


def out() -> "Console":
    from rich.console import Console

    # Where a program reads, columns must not be folded to the width of a terminal that is not there.
    width = None if sys.stdout.isatty() else _WIDE
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True, width=width)


def err() -> "Console":
    from rich.console import Console

    return Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def remark(text: str) -> None:
    """A plain line for people, where it cannot get into a pipe; a closed terminal does not matter."""
    _said(printable(text))


def aside(text: str) -> None:
    """A remark that one may pass over: dim in a terminal."""
    dim = err().is_terminal and "NO_COLOR" not in os.environ
    lines = printable(text).split("\n")
    _said("\n".join(typer.style(line, dim=True) for line in lines) if dim else "\n".join(lines))


def _said(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def printable(text: str) -> str:
    """Without control characters: text from models and logs must not steer the terminal."""
    return text.translate(_CONTROLS)


def write(text: str) -> None:
    """Text of a model, at once. Raw where a program reads it."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def table(*columns: str, right: tuple[str, ...] = ()) -> "Table":
    """An empty table without borders, as ``ps`` would print it."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


@dataclass(frozen=True, slots=True)
class Step:
    """How far something long is."""

    stage: str
    done: float
    total: float
    told: str
    """The same in words."""
    last: bool = False


@contextmanager
def progress(parts: int) -> Iterator[Callable[[Step], None]]:
    """A bar in a terminal; elsewhere a line a stage and a part of ``parts``, so that a log stays readable."""
    if err().is_terminal:
        with _bar() as show:
            yield show
    else:
        yield _Lines(parts)


@contextmanager
def _bar() -> Iterator[Callable[[Step], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("  {task.description:11}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[told]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as bars:
        bar = bars.add_task("", total=None, told="")
        yield lambda step: bars.update(
            bar, description=step.stage, completed=step.done, total=step.total or None, told=step.told
        )


class _Lines:
    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._shown: tuple[str, int] | None = None

    def __call__(self, step: Step) -> None:
        now = (step.stage, int(step.done * self._parts / step.total) if step.total else 0)
        if now != self._shown and not step.last:
            remark(f"  {step.stage} {step.told}")
        self._shown = now


def human_bytes(count: int) -> str:
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def human_seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours < 24 else f"{hours // 24}d{hours % 24:02}h"
