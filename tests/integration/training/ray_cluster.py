"""A Ray cluster on the loopback: a head that takes jobs, and machines that come and go."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.harness.platform import free_port

_MACHINES = str(Path(__file__).with_name("machines.py"))
_SECONDS = 20.0


@dataclass
class RayCluster:
    """Each machine has room for one worker."""

    process: "subprocess.Popen[str]"
    address: str
    token: Path
    folder: Path

    def join(self) -> int:
        """Another machine's raylet, which all of it ends with."""
        assert self.process.stdin is not None
        self.process.stdin.write("join\n")
        self.process.stdin.flush()
        return self._told()

    def said(self) -> str:
        """The last that Ray Train's controllers wrote down."""
        logs = self.folder.glob("ray/session_2*/logs/train/*sys-controller*.log")
        lines = [line for path in logs for line in path.read_text().splitlines()]
        telling = [each for each in map(json.loads, lines) if not each["message"].startswith("Skipping")]
        return "\n".join(f"{each['asctime']} {each['message'][:300]}" for each in telling[-40:])

    def _told(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def kill(self, raylet: int) -> None:
        """-9, everything of that machine."""
        for each in (root := psutil.Process(raylet)), *root.children(recursive=True):
            if each.is_running():
                each.kill()


@contextmanager
def ray_cluster(folder: Path) -> Iterator[RayCluster]:
    """``folder`` has a short path: sockets lie there."""
    token, dashboard = folder / "token", free_port()
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COLONNADE_")} | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": str(folder),
    }
    command = [sys.executable, _MACHINES, str(dashboard)]
    with (folder / "ray.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    cluster = RayCluster(process, f"http://127.0.0.1:{dashboard}", token, folder)
    family = [psutil.Process(process.pid)]
    try:
        cluster._told()
        yield cluster
    finally:
        family += family[0].children(recursive=True) if family[0].is_running() else []
        process.communicate(timeout=_SECONDS)
        psutil.wait_procs(family, _SECONDS)
        for each in family:
            if each.is_running():
                each.kill()
