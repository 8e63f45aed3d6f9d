"""Runs that go on without the platform are found, and nobody else's."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colonnade.supervise.home import Home
from colonnade.supervise.runs import MARK, going_on

SLEEPS = "import signal; print(flush=True); signal.pause()"
Start = Callable[..., int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that says something once it is what it will be."""
    processes = []

    def begin(*arguments: str, mark: str = "", leads: bool = True) -> int:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", SLEEPS, *arguments],
            env={**os.environ, MARK: mark},
            stdout=subprocess.PIPE,
            start_new_session=leads,
        )
        processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process.pid

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def test_workers_of_this_home_are_told(tmp_path: Path, start: Start) -> None:
    home, folder = Home(tmp_path), f"{tmp_path}/data/training/jobs"
    pid = start(f"{folder}/job_1/recipe.yaml", mark="job_1/2")
    start(f"{folder}/job_1/loader", mark="job_1/2", leads=False)
    start(f"{folder}/job_2/recipe.yaml")
    start(f"{tmp_path}-other/data/training/jobs/job_3/recipe.yaml", mark="job_3/1")
    assert going_on(home) == {"job_1": pid}


def test_an_idle_home_has_none(tmp_path: Path) -> None:
    assert going_on(Home(tmp_path)) == {}
