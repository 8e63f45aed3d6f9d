"""An engine's process, as the child of the replica that answers for it.

A process of its own, and not a server inside the replica: Ray's actor and the engine would share one
interpreter lock, a crash of either would be the other's, and ray and torch would share settings of threads
and signals. The kernel ends it with the replica, whatever ends that.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from colonnade.supervise import launch
from colonnade.supervise.logfile import RotatingLog
from colonnade.supervise.process import Exit

_MODULE = "colonnade.engine"
_KILL_SECONDS = 5.0


class EngineChild:
    """Made by a thread that lives as long as its process: it ends with that thread (see ``launch``)."""

    def __init__(self, environment: Mapping[str, str], *, holding: int, log: Path | None) -> None:
        """``holding``: a file descriptor that it keeps open. Without ``log`` it writes where we do."""
        self._popen = subprocess.Popen(  # noqa: S603 - our own module
            launch.wrapped(sys.executable, "-P", "-m", _MODULE),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if log else None,
            stderr=subprocess.STDOUT if log else None,
            bufsize=0,
            pass_fds=(holding,),
        )
        self.pid = self._popen.pid
        if log:
            threading.Thread(target=_keep, args=(self._popen.stdout, log), daemon=True).start()

    def ended(self) -> Exit | None:
        """How it ended; None while it runs."""
        code = self._popen.poll()
        return None if code is None else Exit(code)

    def stop(self, seconds: float) -> Exit:
        """SIGTERM, on which it deregisters and finishes what runs; SIGKILL after ``seconds``."""
        self._popen.send_signal(signal.SIGTERM)
        try:
            return Exit(self._popen.wait(seconds))
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return Exit(self._popen.wait(_KILL_SECONDS))


def _keep(output: IO[bytes], path: Path) -> None:
    """What it writes, until it has ended, in a log of limited size."""
    log = RotatingLog(path)
    with output:
        while data := output.read(1 << 16):
            log.write(data)
    log.close()
