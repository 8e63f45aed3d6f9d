"""Shows an import as it goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from colonnade.cli.terminal import Step, progress

if TYPE_CHECKING:
    from colonnade.client import ImportProgress, Stream, Version

_QUARTERS = 4


class Show(Protocol):
    def __call__(self, now: "ImportProgress") -> None: ...


def follow(stream: "Stream[ImportProgress, Version]") -> "Version":
    """Runs an import to its end; leaving early (Ctrl-C) cancels it."""
    with showing() as show, stream:
        for now in stream:
            show(now)
    return stream.result


@contextmanager
def showing() -> Iterator[Show]:
    with progress(_QUARTERS) as draw:
        yield lambda now: draw(_step(now))


def _step(now: "ImportProgress") -> Step:
    return Step(now.stage, now.fraction, 1.0, f"{now.fraction:.0%}", last=now.stage == "done")
