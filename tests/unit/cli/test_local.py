"""Commands about the platform of this machine: status, restart, down, and finding its address."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.cli.terminal import human_bytes, human_seconds, printable
from colonnade.cli.up import _allow_imports_from_here, _train_from_here
from colonnade.errors import NotFound
from colonnade.supervise import preflight
from colonnade.supervise.control import ControlServer
from colonnade.supervise.home import Home
from colonnade.supervise.states import PlatformStatus, ServiceStatus, State
from tests.unit.cli.stub import Stub

Run = Callable[..., Any]
READY = ServiceStatus("gateway", State.READY, "http://127.0.0.1:1", 41, 75.0, 0, 123_000_000)
BROKEN = ServiceStatus("engine", State.CRASH_LOOP, "unix:/x/engine.sock", restarts=6, reason="exit status 1")


class FakeSupervisor:
    """Answers on the control socket of a home, on a thread of its own, until told to stop."""

    def __init__(self, home: Home) -> None:
        self.services: tuple[ServiceStatus, ...] = (READY,)
        self.url = "http://127.0.0.1:1"
        self.restarted: list[str] = []
        self._home = home
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def status(self) -> PlatformStatus:
        return PlatformStatus(os.getpid(), self.url, 3700.0, False, self.services)

    def stop(self) -> None:
        self._stopped.set()

    async def restart(self, service: str) -> None:
        if service not in {one.name for one in self.services}:
            raise NotFound(f"there is no service {service!r}; there are: gateway", field="service")
        self.restarted.append(service)

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        with preflight.locked(self._home):
            async with ControlServer(self._home.control, self):
                self._up.set()
                await self._stopped.wait()

    def __enter__(self) -> "FakeSupervisor":
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.stop)
        self._thread.join(10)


@pytest.fixture
def supervisor(home: Home) -> Iterator[FakeSupervisor]:
    with FakeSupervisor(home) as fake:
        yield fake


def test_status_is_a_table(supervisor: FakeSupervisor, colonnade: Run) -> None:
    supervisor.services = (READY, BROKEN)
    done = colonnade("status")
    assert done.status == 0, done
    assert "gateway" in done.out
    assert "1m15s" in done.out
    assert "123 MB" in done.out
    assert "engine: exit status 1" in done.out
    assert "is not ready; up 1h01m" in done.out


def test_status_json(supervisor: FakeSupervisor, colonnade: Run) -> None:
    told = json.loads(colonnade("status", "--json").out)
    assert told["ready"] is True
    assert told["services"][0]["state"] == "ready"


def test_nothing_runs(home: Home, colonnade: Run) -> None:
    for command in ("status", "down", "restart"):
        done = colonnade(command, *(["engine"] if command == "restart" else []))
        assert done.status == 1
        assert "no platform is running" in done.err


def test_restart(supervisor: FakeSupervisor, colonnade: Run) -> None:
    assert colonnade("restart", "gateway").status == 0
    assert supervisor.restarted == ["gateway"]
    assert "there is no service" in colonnade("restart", "oven").err


def test_down_returns_when_all_is_down(supervisor: FakeSupervisor, home: Home, colonnade: Run) -> None:
    done = colonnade("down")
    assert done.status == 0, done
    assert "Stopped." in done.err
    assert not home.control.exists()


def test_down_with_a_supervisor_that_does_not_answer(
    home: Home, colonnade: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append((pid, number)))
    with preflight.locked(home):
        done = colonnade("down")
        assert done.status == 1
        assert "--force" in done.err
        assert not killed
        assert colonnade("down", "--force").status == 0
    assert killed == [(os.getpid(), 9)]


def test_the_address_of_the_running_platform_is_found(
    supervisor: FakeSupervisor, stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLONNADE_URL")
    supervisor.url = stub.url
    assert "smollm2" in colonnade("models", "list").out
    assert stub.seen


def test_sizes_and_times() -> None:
    assert [human_bytes(n) for n in (0, 999, 1500, 123_000_000, 8_000_000_000_000)] == [
        "0 B", "999 B", "1.5 KB", "123 MB", "8.0 TB",
    ]  # fmt: skip
    assert [human_seconds(n) for n in (0.4, 59, 75, 3700, 90_000)] == ["0s", "59s", "1m15s", "1h01m", "1d01h"]
    assert printable("a\x1b[2J\tb\n\x9bc\x07") == "a[2J\tb\nc"


@pytest.mark.parametrize(
    ("here", "expected"),
    [("/srv/work", "/home/ada:/srv/work"), ("/home/ada", "/home/ada"), ("/", "/home/ada")],
)
def test_imports_are_allowed_from_home_and_from_here(
    monkeypatch: pytest.MonkeyPatch, here: str, expected: str
) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: Path("/home/ada"))
    monkeypatch.setattr("pathlib.Path.cwd", lambda: Path(here))
    monkeypatch.setenv("COLONNADE_REGISTRY_IMPORT_ROOTS", "")
    monkeypatch.delenv("COLONNADE_REGISTRY_IMPORT_ROOTS")
    _allow_imports_from_here()
    assert os.environ["COLONNADE_REGISTRY_IMPORT_ROOTS"] == expected


@pytest.mark.parametrize(
    ("here", "expected"),
    [("/srv/work", "/srv/work"), ("/home/ada/plays", "/home/ada/plays"), ("/", "/home/ada")],
)
def test_recipes_begin_here_and_not_above_home(
    monkeypatch: pytest.MonkeyPatch, here: str, expected: str
) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: Path("/home/ada"))
    monkeypatch.setattr("pathlib.Path.cwd", lambda: Path(here))
    monkeypatch.setenv("COLONNADE_TRAINING_WORK_DIR", "")
    monkeypatch.delenv("COLONNADE_TRAINING_WORK_DIR")
    _train_from_here()
    assert os.environ["COLONNADE_TRAINING_WORK_DIR"] == expected


def test_the_command_starts_quickly_because_it_loads_little() -> None:
    code = "import sys, colonnade.cli.main; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "grpc", "httpx", "pydantic", "asyncio", "rich", "fastapi"} & set(done.stdout.split())


def test_the_supervisor_never_loads_torch() -> None:
    code = "import sys, colonnade.supervise.__main__, colonnade.cli.foreground; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
