"""One child process: started so that it cannot outlive us, its output kept, its end awaited."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from colonnade.supervise import launch
from colonnade.supervise.logfile import RotatingLog

_READ_BYTES = 64 * 1024
_LAST_WORDS_SECONDS = 1.0
_POLL_SECONDS = 0.1
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended; ``code`` is negative for a signal, as in ``subprocess``."""

    code: int

    def __str__(self) -> str:
        if self.code >= 0:
            return f"exit status {self.code}"
        try:
            return f"killed by {signal.Signals(-self.code).name}"
        except ValueError:
            return f"killed by signal {-self.code}"


class Process:
    """A running child. Made by ``spawn``; belongs to the running event loop."""

    def __init__(self, popen: subprocess.Popen[bytes], log: RotatingLog) -> None:
        self.pid = popen.pid
        self.started = time.monotonic()
        self._popen = popen
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._silent = asyncio.Event()
        self._watch_output()
        self._watch_end()

    async def wait(self) -> Exit:
        """Returns when the process has ended and its last words are in the log."""
        result = await asyncio.shield(self._exit)
        with suppress(TimeoutError):
            # Something outside our process group may still hold the pipe; that is not worth waiting for.
            await asyncio.wait_for(self._silent.wait(), _LAST_WORDS_SECONDS)
        self._close_output()
        return result

    def ended(self) -> bool:
        return self._exit.done()

    def terminate(self) -> None:
        """SIGTERM to the service alone: what happens to its own children is its business."""
        if not self.ended():
            self._popen.terminate()

    def kill(self) -> None:
        """SIGKILL to its whole session."""
        if not self.ended():
            _kill_session(self.pid)

    async def stop(self, grace_seconds: float) -> Exit:
        """SIGTERM, and SIGKILL after the grace period."""
        self.terminate()
        try:
            return await asyncio.wait_for(self.wait(), grace_seconds)
        except TimeoutError:
            self.kill()
            return await self.wait()

    def memory_bytes(self) -> int | None:
        """Resident memory of the session: the service and what it started."""
        total = 0
        for pid in members(self.pid):
            with suppress(psutil.Error):
                total += psutil.Process(pid).memory_info().rss
        return total or None

    def _watch_end(self) -> None:
        if not hasattr(os, "pidfd_open"):
            self._loop.call_later(_POLL_SECONDS, self._poll_end)
            return
        descriptor = os.pidfd_open(self.pid)

        def ended() -> None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            self._reap()

        self._loop.add_reader(descriptor, ended)

    def _poll_end(self) -> None:
        if self._popen.poll() is None:
            self._loop.call_later(_POLL_SECONDS, self._poll_end)
        else:
            self._reap()

    def _reap(self) -> None:
        """A zombie, with a pidfd: until it is reaped nobody gets its number; the session is its own."""
        _kill_session(self.pid)
        code = self._popen.wait()
        if not self._exit.done():
            self._exit.set_result(Exit(code))

    def _watch_output(self) -> None:
        assert self._popen.stdout is not None
        descriptor = self._popen.stdout.fileno()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read_output, descriptor)

    def _read_output(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self._log.write(data)
        else:
            self._close_output()

    def _close_output(self) -> None:
        assert self._popen.stdout is not None
        if not self._popen.stdout.closed:
            self._loop.remove_reader(self._popen.stdout.fileno())
            self._popen.stdout.close()
        self._silent.set()


def members(session: int) -> list[int]:
    """Processes of a session, in whatever group: what a service started, and what that started.

    One system call each: asking psutil for all descendants reads every process there is, and misses those
    whose parent has died.
    """
    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == session:
                found.append(pid)
    return found


def _kill_session(session: int) -> None:
    """SIGKILL to all of its processes: to its leader's group at once, then to who had left that."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    for _ in range(_ROUNDS):  # one may start another meanwhile
        if not (others := [pid for pid in members(session) if _alive(pid)]):
            return
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def spawn(command: Sequence[str], env: Mapping[str, str], cwd: Path, log: RotatingLog) -> Process:
    """Starts ``command`` in a session (and so a process group) of its own, with its output in ``log``.

    Only from the main thread: the kernel kills the child when the thread that made it ends (see ``launch``).
    Its own session keeps the terminal's Ctrl-C for the supervisor, which then stops things in order.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started from the main thread: they would end with any other")
    popen = subprocess.Popen(  # noqa: S603 - the command comes from our own topology
        launch.wrapped(*command),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
    )
    return Process(popen, log)
