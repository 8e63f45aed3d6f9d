"""The processes of a worker: found again by what was recorded of it, and never taken for others'.

A worker leads a session of its own, so its number is also the session's. While the leader lives, and was born
when the record says, all of the session are its own. When it is gone its number may be another's by now: then
those alone are ours that carry the worker's mark in their environment.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

import psutil

from colonnade.supervise.process import members
from colonnade.supervise.runs import MARK
from colonnade.supervise.stale import birthmark
from colonnade.training.adapters.job_folder import Started

_ROUNDS = 20


def lives(started: Started) -> bool:
    return birthmark(started.pid) == started.born


def reap(started: Started) -> None:
    """A dead child of ours keeps its number until somebody asks how it ended."""
    with suppress(ChildProcessError):
        os.waitpid(started.pid, os.WNOHANG)


def ask(started: Started) -> None:
    """SIGTERM to the worker itself: what happens to its children is its business."""
    with suppress(psutil.Error):
        process = psutil.Process(started.pid)  # remembers when it was born and signals no other
        if lives(started):
            process.terminate()


def end(started: Started, mark: str) -> None:
    """SIGKILL to the worker and all that it started."""
    for _ in range(_ROUNDS):  # one may start another meanwhile
        found = list(_own(started, mark))
        if not found:
            return
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=1)


def _own(started: Started, mark: str) -> Iterator[psutil.Process]:
    for pid in members(started.pid):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if lives(started) or process.environ().get(MARK) == mark:
                yield process
