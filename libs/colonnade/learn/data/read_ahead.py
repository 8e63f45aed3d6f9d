"""One thread that makes the next few things while this one is in use."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


@contextmanager
def read_ahead(make: Callable[[int], T], start: int, depth: int) -> Iterator[Iterator[T]]:
    """make(start), make(start + 1) ... without end, up to ``depth`` of them made before they are asked for.

    What ``make`` raises is raised where that item would have come. The thread is gone when this is left.
    """
    made: Queue[T | _Failed] = Queue(maxsize=max(1, depth))
    stopped = threading.Event()

    def work() -> None:
        number = start
        while not stopped.is_set():
            try:
                made.put(make(number))
            except BaseException as error:  # it belongs to whoever waits for the item
                made.put(_Failed(error))
                return
            number += 1

    thread = threading.Thread(target=work, name="read-ahead")
    thread.start()
    try:
        yield _items(made, stopped)
    finally:
        stopped.set()
        _empty(made)  # so there is room for the one item that the thread may be about to put
        thread.join()


def _items(made: "Queue[T | _Failed]", stopped: threading.Event) -> Iterator[T]:
    while not stopped.is_set():
        item = made.get()
        if isinstance(item, _Failed):
            raise item.error
        yield item


def _empty(made: "Queue[T | _Failed]") -> None:
    try:
        while True:
            made.get_nowait()
    except Empty:
        return
