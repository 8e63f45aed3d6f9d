"""Several processes of one run on this machine, started and watched by one that learns nothing itself.

A signal that asks it to stop is passed on. Where one of them dies the others cannot go on: they are given a
moment to say so, and ended. Where this process dies, however it does, they end too: they hold the reading end
of a pipe that nobody else writes to.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from queue import Empty, Queue
from types import FrameType

from torch.distributed import TCPStore  # type: ignore[attr-defined]

MEMBER = "--member"
"""The option that a started process is told by."""
_GRACE_SECONDS = 20.0
_STORE_SECONDS = timedelta(minutes=5)
_HOST = "127.0.0.1"

Ended = tuple[int, int]
"""A process's rank and exit status."""


def start(command: Sequence[str], processes: int, threads: int) -> list[Ended]:
    """Runs them to their end; how each ended, in that order. ``threads`` of each; 0: an equal share. Where
    one ends with another status than 0, the others are soon ended."""
    store = _meeting_place()
    share = threads or max(1, (os.cpu_count() or 1) // processes)
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - this program's own command
                    [sys.executable, *command, MEMBER],
                    env={**os.environ, "OMP_NUM_THREADS": str(share), **_place(rank, processes, store.port)},
                    stdin=subprocess.PIPE,
                    process_group=0,  # a terminal's Ctrl-C comes here alone, and is passed on once
                )
            )
            for rank in range(processes)
        ]
        with _passing_on(children):
            return _ended(children)


def end_with_parent() -> None:
    """In a process that was started so: ends it when the one that started it is gone."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def _meeting_place() -> TCPStore:
    """Where they find each other. Torch would listen to every network; this is for this machine alone."""
    listening = socket.create_server((_HOST, 0))
    port = listening.getsockname()[1]
    return TCPStore(
        _HOST, port, None, True, _STORE_SECONDS, wait_for_workers=False, master_listen_fd=listening.detach()
    )


def _place(rank: int, processes: int, port: int) -> dict[str, str]:
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": next(name for _, name in socket.if_nameindex() if name.startswith("lo")),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # torch's name for: the first rank opens no store of its own
    }


def _ended(children: Sequence["subprocess.Popen[bytes]"]) -> list[Ended]:
    ends: Queue[Ended] = Queue()
    for rank, child in enumerate(children):
        threading.Thread(target=lambda r=rank, c=child: ends.put((r, c.wait())), daemon=True).start()
    found: list[Ended] = []
    while len(found) < len(children):
        try:
            found.append(ends.get(timeout=_GRACE_SECONDS if any(status for _, status in found) else None))
        except Empty:
            for child in children:
                child.kill()
    return found


@contextmanager
def _passing_on(children: Sequence["subprocess.Popen[bytes]"]) -> Iterator[None]:
    def heard(number: int, _frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, heard) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
