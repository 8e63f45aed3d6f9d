"""Supervisors and services killed at random moments, many times: nothing is left, everything comes back."""

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from colonnade.errors import Unavailable
from colonnade.supervise.home import Home
from colonnade.supervise.remote import Remote
from colonnade.supervise.states import PlatformStatus
from tests.harness.platform import eventually

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
STARTS = 40
KILLS = 40


@pytest.fixture
def home(short_folder: Path) -> Home:
    made = Home(short_folder)
    made.prepare()
    return made


def start(home: Home) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.unit.supervise.fake_supervisor", str(home.root)]
    return subprocess.Popen(command, cwd=ROOT)


def of_this_home(home: Home) -> list[int]:
    """Every process whose command line names the home: supervisor, launchers and services."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(home.root) in part for part in process.cmdline()):
                found.append(process.pid)
    return found


def ready(home: Home) -> PlatformStatus | None:
    try:
        status = Remote(home).status()
    except Unavailable:
        return None
    return status if status.ready else None


def all_ready(home: Home) -> PlatformStatus:
    found = eventually(lambda: ready(home), 30, "everything is ready")
    assert found
    return found


def test_a_supervisor_killed_at_any_moment_leaves_nobody(home: Home) -> None:
    """From before its first child, through the launchers' first instructions, to long after all are ready."""
    draw = random.Random(20)
    for _ in range(STARTS):
        process = start(home)
        # What is drawn is the moment of the kill, not a wait for something.
        time.sleep(draw.uniform(0.1, 1.2))
        process.kill()
        process.wait()
        eventually(lambda: not of_this_home(home), 10, "nothing is left")
    process = start(home)
    all_ready(home)  # over what the dead ones left
    process.terminate()
    assert process.wait(30) == 0
    assert not of_this_home(home)


def test_services_killed_at_random_come_back_every_time(home: Home) -> None:
    draw = random.Random(21)
    process = start(home)
    for _ in range(KILLS):
        status = all_ready(home)
        for service in draw.sample(status.services, draw.randint(1, len(status.services))):
            with suppress(ProcessLookupError):
                os.kill(service.pid or 0, draw.choice([6, 9, 11, 15]))
        eventually(partial(replaced, home, status), 30, "a killed service is replaced")
    last = all_ready(home)
    assert sum(service.restarts for service in last.services) >= KILLS
    assert len(of_this_home(home)) == 1 + len(last.services)
    process.terminate()
    assert process.wait(30) == 0
    assert not of_this_home(home)


def replaced(home: Home, before: PlatformStatus) -> bool:
    now = Remote(home).status()
    return sum(one.restarts for one in now.services) > sum(one.restarts for one in before.services)
