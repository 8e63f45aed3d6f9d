"""Whatever ends a supervisor, nothing that it started is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from colonnade.errors import Unavailable
from colonnade.supervise.home import Home
from colonnade.supervise.remote import Remote
from tests.unit.supervise.stage import eventually, running

ROOT = Path(__file__).parents[3]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def supervisor(home: Home) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.unit.supervise.fake_supervisor", str(home.root), *arguments]
        started.append(subprocess.Popen(command, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def ready(home: Home) -> bool:
    try:
        return Remote(home).status().ready
    except Unavailable:
        return False


async def test_kill_9_of_the_supervisor_leaves_nobody(home: Home, supervisor: Start) -> None:
    process = supervisor()
    await eventually(lambda: ready(home), "ready")
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 2
    process.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    async with running(home) as _:
        assert not list(home.run.glob("*.pid"))


async def test_what_outlives_even_that_is_ended_by_the_next(home: Home, supervisor: Start) -> None:
    """A grandchild that did not ask to die with its parent."""
    process = supervisor("--child")
    await eventually(lambda: ready(home), "ready")
    grandchildren = [psutil.Process(int(line.split()[-1])) for line in diary(home) if " child " in line]
    assert len(grandchildren) == 2
    process.kill()
    process.wait()
    async with running(home):
        _, alive = psutil.wait_procs(grandchildren, timeout=10)
        assert not alive


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signals_stop_everything_in_order(
    home: Home, supervisor: Start, number: signal.Signals
) -> None:
    process = supervisor()
    await eventually(lambda: ready(home), "ready")
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, number)
    assert process.wait(90) == 0
    assert not psutil.wait_procs(children, timeout=1)[1]
    assert sum(line.endswith("stopped") for line in diary(home)) == 2


def diary(home: Home) -> list[str]:
    path = home.root / "diary"
    return path.read_text().splitlines() if path.exists() else []
