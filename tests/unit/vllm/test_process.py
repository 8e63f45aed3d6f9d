"""What vLLM's processes are started with."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.harness.platform import eventually

PARENT = """
import multiprocessing, sys, time
from pathlib import Path
from colonnade.vllm.process import tie

if __name__ == "__main__":
    tie(Path(sys.argv[1]))
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    child.start()
    print(child.pid, flush=True)
    child.join()
"""


def test_a_process_of_vllms_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    folder = tmp_path / "a folder"
    command = [sys.executable, str(script), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        eventually(lambda: "spawn_main" in " ".join(child.cmdline()), 30, "it has become Python")
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(child.pid) or _dead(child), 10, "the child is gone")


def _dead(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
