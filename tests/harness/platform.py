"""Runs the whole platform as a person does, through ``colonnade up``, in a home of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx

_T = TypeVar("_T")
COMMAND = str(Path(sys.executable).with_name("colonnade"))


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(condition: Callable[[], _T], seconds: float, what: str) -> _T:
    """Polls until the condition is truthy; for other processes, whose events cannot be awaited."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Platform:
    """A running platform and how to talk to it."""

    home: Path
    url: str
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    def command(
        self, *arguments: str, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``colonnade <arguments>`` against this platform."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=dict(self.environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and done.returncode:
            raise AssertionError(f"colonnade {' '.join(arguments)} failed: {done.stdout}\n{done.stderr}")
        return done

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def pid(self, service: str) -> int:
        """The process that now runs a service."""
        services: list[dict[str, Any]] = json.loads(self.command("status", "--json").stdout)["services"]
        return next(int(s["pid"]) for s in services if s["name"] == service)

    def stop(self) -> int:
        """SIGTERM, as Ctrl-C or a service manager would; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def running(*arguments: str, home: Path | None = None, **environment: str) -> Iterator[Platform]:
    """A platform that answers health checks; stopped, and its home removed unless given, at the end.

    Without the console, unless its port is among the ``arguments``."""
    folder = home or Path(tempfile.mkdtemp(prefix="cln-"))  # short: sockets live below it
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COLONNADE_")},
        "COLONNADE_HOME": str(folder),
        "COLONNADE_URL": url,
        **{
            f"COLONNADE_{service}_METRICS_PORT": "0"
            for service in ("INFERENCE", "REGISTRY", "ENGINE", "TRAINING", "MEMORY", "ETHICS")
        },
        "COLONNADE_INFERENCE_CACHE_BYTES": "0",  # what is asked twice is to be generated twice
        **environment,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.log").open("ab") as log:
        without = () if "--console-port" in arguments else ("--no-console",)
        process = _up(port, (*without, *arguments), settings, log)
    platform = Platform(folder, url, process, settings)
    try:
        eventually(lambda: platform.ready() or _ended(process, folder), 120, "the platform gets ready")
        yield platform
    finally:
        if process.poll() is None:
            platform.stop()
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)


def _up(
    port: int, arguments: tuple[str, ...], settings: Mapping[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [COMMAND, "up", "--port", str(port), *arguments],
        env=dict(settings),
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
    )


def _ended(process: subprocess.Popen[bytes], folder: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError(
            f"colonnade up ended with {process.returncode}:\n{(folder / 'up.log').read_text()[-4000:]}"
        )
    return False
