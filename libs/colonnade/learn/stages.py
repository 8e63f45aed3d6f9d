"""Stages beside the training: how far each is, and that it can be stopped in the midst of it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from colonnade.errors import Cancelled
from colonnade.learn.data.progress import Progress
from colonnade.learn.loop.stop import Stop
from colonnade.learn.reports import Listener, Progressed

T = TypeVar("T")


def preparing(listener: Listener, stop: Stop) -> Callable[[Progress], None]:
    """For ``prepare`` to tell. Raises ``Cancelled`` where the run is to end; its next call goes on."""

    def tell(now: Progress) -> None:
        listener(Progressed(f"prepare {now.stage}", now.bytes_done, now.bytes_total))
        check(stop)

    return tell


def counted(stage: str, items: Iterable[T], total: int, listener: Listener, stop: Stop) -> Iterator[T]:
    """The items, of which there are ``total`` at most. Raises ``Cancelled`` where the run is to end."""
    done = 0
    for done, item in enumerate(items, start=1):
        check(stop)
        yield item
        listener(Progressed(stage, done, total))
    listener(Progressed(stage, done, done))


def check(stop: Stop) -> None:
    if stop.wanted:
        raise Cancelled("stopped")
