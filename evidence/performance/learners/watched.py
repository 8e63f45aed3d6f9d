"""A process and all that it starts, watched for their memory, and killed when it is time to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Ran:
    seconds: float
    peak_bytes: int
    """Of all its processes together; what they share is counted once."""
    killed: bool


def run(module: str, arguments: Sequence[str], *, kill_after: float | None = None) -> Ran:
    """Until it ends, or is killed. Raises ``CalledProcessError`` where it fails."""
    began, peak = time.monotonic(), 0
    command = [sys.executable, "-m", module, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        while True:
            try:
                status = process.wait(_LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, _held(process.pid))
                if kill_after is not None and time.monotonic() - began > kill_after:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    return Ran(time.monotonic() - began, peak, killed=True)
    if status:
        raise subprocess.CalledProcessError(status, command)
    return Ran(time.monotonic() - began, peak, killed=False)


def _held(pid: int) -> int:
    """Proportional set size: pages that processes share count once."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for each in (parent, *parent.children(recursive=True)):
            total += each.memory_full_info().pss
    except psutil.NoSuchProcess:
        return total
    return total
