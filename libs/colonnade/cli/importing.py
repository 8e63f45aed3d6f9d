"""Shows an import as it goes: a bar in a terminal, lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from colonnade.cli.terminal import err, remark

if TYPE_CHECKING:
    from colonnade.client import ImportProgress, Stream, Version

_QUARTERS = 4


class Show(Protocol):
    def __call__(self, progress: "ImportProgress") -> None: ...


def follow(stream: "Stream[ImportProgress, Version]") -> "Version":
    """Runs an import to its end; leaving early (Ctrl-C) cancels it."""
    with showing() as show, stream:
        for progress in stream:
            show(progress)
    return stream.result


@contextmanager
def showing() -> Iterator[Show]:
    if err().is_terminal:
        with _bar() as show:
            yield show
    else:
        yield Lines()


class Lines:
    """One line a quarter of a stage, so that a log stays readable."""

    def __init__(self) -> None:
        self._shown: tuple[str, int] | None = None

    def __call__(self, progress: "ImportProgress") -> None:
        now = (progress.stage, int(progress.fraction * _QUARTERS))
        if now != self._shown and progress.stage != "done":
            remark(f"  {progress.stage} {progress.fraction:.0%}")
        self._shown = now


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("  {task.description:8}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as bars:
        bar = bars.add_task("queued", total=1.0)

        def show(progress: "ImportProgress") -> None:
            bars.update(bar, description=progress.stage, completed=progress.fraction)

        yield show
