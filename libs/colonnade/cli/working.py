"""Shows a batch as it goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from colonnade.cli.terminal import Step, progress

if TYPE_CHECKING:
    from colonnade.client import Batch

_TENTHS = 10


class Show(Protocol):
    def __call__(self, batch: "Batch") -> None: ...


@contextmanager
def showing() -> Iterator[Show]:
    with progress(_TENTHS) as draw:
        yield lambda batch: draw(_step(batch))


def _step(batch: "Batch") -> Step:
    counts = batch.request_counts
    done = counts.completed + counts.failed
    return Step(batch.status, done, counts.total, f"{done} of {counts.total}", last=batch.ended)
