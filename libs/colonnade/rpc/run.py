"""The life of a process: run on uvloop until SIGTERM or SIGINT, then drain."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a service's main coroutine."""
    uvloop.run(main)


async def until_stopped() -> None:
    """Returns at the first SIGTERM or SIGINT; a second SIGINT ends the process at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopped.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    await stopped.wait()
