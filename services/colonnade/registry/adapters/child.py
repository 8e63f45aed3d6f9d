"""A child process whose lines are read and whose end is certain.

Started and read with ``subprocess`` and threads, not with the event loop, for two reasons that were found the
hard way. uvloop starts children by fork, and the fork handlers that gRPC installs in a serving process crash
the child; ``subprocess`` uses vfork. And uvloop closes a pipe's descriptor twice, by which time it may be
someone else's file. The launcher makes the kernel kill the child when we die; see
``colonnade.supervise.launch``, also for why only the main thread may start one.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from colonnade.supervise import launch
from colonnade.telemetry import get_logger

_NICE = 10
_MAX_LINE_BYTES = 64 * 1024
_MAX_LOGGED_LINES = 200
_MAX_LOGGED_BYTES = 500
_LAST_WORDS_SECONDS = 5.0
_LOG = get_logger(__name__)


class Child:
    """A running child; made by ``running``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._output: IO[bytes] = process.stdout
        self._errors: IO[bytes] = process.stderr
        self._reading: asyncio.Future[bytes] | None = None
        self._logging = asyncio.ensure_future(asyncio.to_thread(_pass_on, self._errors))

    async def line(self) -> bytes:
        """The next line of its output; empty at the end. ``ValueError`` for one longer than 64 KiB."""
        self._reading = asyncio.ensure_future(asyncio.to_thread(self._output.readline, _MAX_LINE_BYTES + 1))
        line = await asyncio.shield(self._reading)
        if len(line) > _MAX_LINE_BYTES:
            raise ValueError("a line is too long")
        return line

    async def status(self) -> int:
        """Waits for its end. The negative number of the signal that ended it, or its exit status."""
        return await asyncio.to_thread(self._process.wait)

    async def end(self) -> None:
        """Kills what still runs of it; its pipes are closed when nobody reads them any more."""
        await asyncio.to_thread(_kill, self._process)
        readers = {self._logging} | ({self._reading} if self._reading else set())
        _, stuck = await asyncio.wait(readers, timeout=_LAST_WORDS_SECONDS)
        if not stuck:
            self._output.close()
            self._errors.close()


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Child]:
    """Runs a command, and leaves nothing of it (and of its process group) behind. It gives way to others."""
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - vfork takes milliseconds; the command is ours
        launch.wrapped(*command),
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
    child = Child(process)
    try:
        yield child
    finally:
        await asyncio.shield(child.end())


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Until it is reaped nobody gets its number, so the signal hits its own group only."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _pass_on(errors: IO[bytes]) -> None:
    """What the child says goes to the log, as long as it does not say too much."""
    said = 0
    while line := errors.readline(_MAX_LINE_BYTES):
        said += 1
        if said <= _MAX_LOGGED_LINES:
            text = line[:_MAX_LOGGED_BYTES].decode(errors="replace").rstrip()
            _LOG.info("conversion says", line=text)
