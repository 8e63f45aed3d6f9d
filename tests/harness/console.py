"""A console of its own, before whatever plays its gateway."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.harness.platform import eventually, free_port


@contextmanager
def console_before(gateway_port: int, home: Path) -> Iterator[str]:
    """Its address, as soon as it answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "COLONNADE_HOME": str(home),
        "COLONNADE_CONSOLE_LISTEN": f"127.0.0.1:{port}",
        "COLONNADE_CONSOLE_GATEWAY_URL": f"http://127.0.0.1:{gateway_port}",
    }
    command = [sys.executable, "-P", "-m", "colonnade.console"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    try:
        eventually(lambda: _well(url), 60, "the console answers")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _well(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False
