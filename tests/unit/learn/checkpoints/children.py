"""Processes that are killed. They are forked from a server that has imported torch, and has no threads."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_PRELOADED = ["pytest", "torch._dynamo", "colonnade.learn.checkpoints", "tests.unit.learn.checkpoints.killed"]
"""What a child would spend its time with: an optimiser imports torch._dynamo when it is made."""


def started(target: Callable[..., None], *arguments: Any) -> tuple[ForkServerProcess, Connection]:
    """A child that runs ``target(*arguments, connection)``, and what it sends."""
    _CONTEXT.set_forkserver_preload(_PRELOADED)
    ours, theirs = _CONTEXT.Pipe(duplex=False)
    child = _CONTEXT.Process(target=target, args=(*arguments, theirs))
    child.start()
    theirs.close()
    return child, ours


def all_sent(connection: Connection) -> list[Any]:
    """What it sent until it ended."""
    sent = []
    with connection:
        while True:
            try:
                sent.append(connection.recv())
            except EOFError:
                return sent
