"""Shows a batch as it goes: a bar in a terminal, lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from colonnade.cli.terminal import err, remark

if TYPE_CHECKING:
    from colonnade.client import Batch

_TENTHS = 10


class Show(Protocol):
    def __call__(self, batch: "Batch") -> None: ...


@contextmanager
def showing() -> Iterator[Show]:
    if err().is_terminal:
        with _bar() as show:
            yield show
    else:
        yield Lines()


class Lines:
    """One line a status and a tenth of the lines, so that a log stays readable."""

    def __init__(self) -> None:
        self._shown: tuple[str, int] | None = None

    def __call__(self, batch: "Batch") -> None:
        counts = batch.request_counts
        done = counts.completed + counts.failed
        now = (batch.status, done * _TENTHS // counts.total if counts.total else 0)
        if now != self._shown and not batch.ended:
            remark(f"  {batch.status} {done} of {counts.total}")
        self._shown = now


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("  {task.description:11}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as bars:
        bar = bars.add_task("validating", total=None)

        def show(batch: "Batch") -> None:
            counts = batch.request_counts
            done = counts.completed + counts.failed
            bars.update(bar, description=batch.status, completed=done, total=counts.total or None)

        yield show
