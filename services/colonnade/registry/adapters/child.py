"""A child process whose lines are read and whose end is certain.

Started with ``subprocess`` (vfork), not with the event loop: uvloop forks, and the fork handlers that gRPC
installs in a serving process crash the child. The launcher makes the kernel kill it when we die; see
``colonnade.supervise.launch``, also for why only the main thread may start one.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from colonnade.supervise import launch
from colonnade.telemetry import get_logger

_NICE = 10
_MAX_LINE_BYTES = 64 * 1024
_MAX_LOGGED_LINES = 200
_MAX_LOGGED_CHARACTERS = 500
_LOG = get_logger(__name__)


class Child:
    """A running child; made by ``running``."""

    def __init__(self, process: subprocess.Popen[bytes], output: asyncio.StreamReader) -> None:
        self._process = process
        self._output = output

    async def line(self) -> bytes:
        """The next line of its output; empty at the end. ``ValueError`` for one longer than 64 KiB."""
        return await self._output.readline()

    async def status(self) -> int:
        """Waits for its end. The negative number of the signal that ended it, or its exit status."""
        return await asyncio.to_thread(self._process.wait)


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Child]:
    """Runs a command, and leaves nothing of it (and of its process group) behind. It gives way to others."""
    launcher = (sys.executable, "-I", "-S", "-B", launch.__file__, str(os.getpid()))
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - vfork takes milliseconds; the command is ours
        [*launcher, *command],
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    log: asyncio.Task[None] | None = None
    transports: list[asyncio.ReadTransport] = []
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        output = await _reader(process.stdout, transports)
        log = asyncio.create_task(_pass_on(await _reader(process.stderr, transports)))
        yield Child(process, output)
    finally:
        await asyncio.shield(asyncio.to_thread(_end, process))
        if log is not None:
            log.cancel()
        for transport in transports:
            transport.close()


async def _reader(pipe: IO[bytes], transports: list[asyncio.ReadTransport]) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=_MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    transports.append(transport)
    return reader


def _end(process: subprocess.Popen[bytes]) -> None:
    """Until it is reaped nobody gets its number, so the signal hits its own group only."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _pass_on(errors: asyncio.StreamReader) -> None:
    """What the child says goes to the log, as long as it does not say too much."""
    said = 0
    while chunk := await errors.read(_MAX_LINE_BYTES):
        for line in chunk.decode(errors="replace").splitlines():
            said += 1
            if said <= _MAX_LOGGED_LINES:
                _LOG.info("conversion says", line=line[:_MAX_LOGGED_CHARACTERS])
