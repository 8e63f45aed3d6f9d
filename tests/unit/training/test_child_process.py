"""Workers as processes: found again after a restart, never two of an attempt, ended with all they started.

What they do as workers anywhere do is in ``tests/contract/training``.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from colonnade.errors import NotFound, Unavailable
from colonnade.supervise.runs import MARK
from colonnade.training.adapters import session
from colonnade.training.adapters.child_process import ChildProcessRunner
from colonnade.training.adapters.job_folder import JobFolder, Started, record_once
from colonnade.training.adapters.worker_command import COMMAND
from colonnade.training.domain import Ending, Sight, Worker
from tests.contract.training.places import LIMIT, attempt, gone, is_there, until
from tests.unit.training.fakes import job

WORKER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("worker.py")))
HANG, DONE = (f"name: plays\nsteps: 2\ndescription: {act}\n" for act in ("hang", "done"))
CHILD = "name: plays\nsteps: 2\ndescription: hang child\n"
ALIVE = Worker(Sight.ALIVE)


class House:
    """A folder of jobs and the runners of it: a new one is what a restarted service has."""

    def __init__(self, jobs: Path) -> None:
        self.jobs = jobs
        self.folder = JobFolder.of(jobs, job().id)

    def runner(self, machine: str = "here", **more: str) -> ChildProcessRunner:
        environment = dict(os.environ) | more
        return ChildProcessRunner(
            self.jobs, self.jobs.parent, environment, command=WORKER, passed_on=("MINE",), machine=machine
        )

    @property
    def pids(self) -> list[int]:
        runs = self.folder.run / "runs"
        return [int(line) for line in runs.read_text().split()] if runs.exists() else []

    async def ready(self, number: int = 1) -> int:
        """The pid of the number-th worker, once it listens to signals."""
        await until(lambda: len(self.pids) >= number)
        return self.pids[number - 1]

    def close(self) -> None:
        for record in sorted(self.folder.attempts.glob("*.json")):
            if (started := self.folder.started(int(record.stem))) and started.pid:
                session.end(started, f"{job().id}/{int(record.stem)}")
                session.reap(started)


def is_reaped(pid: int) -> bool:
    return not psutil.pid_exists(pid)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path / "jobs")
    yield house
    house.close()


async def test_a_worker_is_started_once_and_says_how_it_ended(house: House) -> None:
    runner = house.runner()
    assert await runner.look(attempt()) == Worker(Sight.NEVER)
    await runner.start(attempt(), DONE)
    assert await gone(runner, attempt()) == Worker(Sight.GONE, Ending.DONE)
    await runner.start(attempt(), DONE)
    assert len(house.pids) == 1
    assert house.folder.recipe.read_text() == DONE
    assert is_reaped(house.pids[0])


async def test_a_restarted_service_finds_its_worker(house: House) -> None:
    await house.runner().start(attempt(), HANG)
    pid = await house.ready()
    again = house.runner()
    assert await again.look(attempt()) == ALIVE
    await again.start(attempt(), HANG)
    assert house.pids == [pid]
    assert os.getsid(pid) == pid
    await again.stop(attempt(), insist=False)
    assert await gone(again, attempt()) == Worker(Sight.GONE, Ending.STOPPED)


async def test_it_outlives_who_started_it(house: House, tmp_path: Path) -> None:
    """The service is killed, not only its objects forgotten."""
    code = f"""
import asyncio, os, signal
from dataclasses import replace
from pathlib import Path
from colonnade.training.adapters.child_process import ChildProcessRunner
from tests.contract.training.places import LIMIT, attempt, gone, is_there, until
from tests.unit.training.fakes import job
folders = Path({str(house.jobs)!r}), Path({str(tmp_path)!r})
runner = ChildProcessRunner(*folders, os.environ, command={WORKER!r}, machine="here")
asyncio.run(runner.start(replace(job(), attempt=1), {HANG!r}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=Path(__file__).parents[3])
    assert await asyncio.wait_for(service.wait(), LIMIT) == -signal.SIGKILL
    pid = await house.ready()
    assert await house.runner().look(attempt()) == ALIVE
    os.kill(pid, signal.SIGKILL)
    assert await gone(house.runner(), attempt()) == Worker(Sight.GONE)


async def test_starts_at_once_make_one_worker(house: House) -> None:
    runners = [house.runner() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(runner.start(attempt(), HANG) for runner in runners), return_exceptions=True
    )
    await house.ready()
    assert all(each is None or isinstance(each, Unavailable) for each in outcomes)
    assert any(each is None for each in outcomes)
    assert len(house.pids) == 1
    assert [child.pid for child in psutil.Process().children()].count(house.pids[0]) == 1


async def test_a_killed_worker_is_gone_and_its_successor_has_the_folder_alone(house: House) -> None:
    runner = house.runner()
    await runner.start(attempt(), CHILD)
    pid = await house.ready()
    child = int((house.folder.run / "child").read_text())
    os.kill(pid, signal.SIGKILL)
    assert await gone(runner, attempt()) == Worker(Sight.GONE)
    await until(lambda: not is_there(child))
    await runner.start(attempt(2), HANG)
    assert await runner.look(attempt(2)) == ALIVE
    assert await runner.look(attempt(1)) == Worker(Sight.GONE)
    assert await house.ready(2) != pid


async def test_the_folder_is_locked_by_its_worker(house: House) -> None:
    """Also against one that was started on another machine, whom nobody here can end."""
    await house.runner("there").start(attempt(), HANG)
    await house.ready()
    with pytest.raises(Unavailable, match="earlier worker"):
        await house.runner().start(attempt(2), HANG)
    assert await house.runner().look(attempt(2)) == Worker(Sight.NEVER)
    assert await house.runner().look(attempt(1)) == Worker(Sight.UNSEEN)
    elsewhere = replace(attempt(3), place="there")
    assert await house.runner().look(elsewhere) == Worker(Sight.UNSEEN)
    with pytest.raises(Unavailable, match="another machine"):
        await house.runner().stop(attempt(1), insist=True)


async def test_a_recycled_number_is_not_taken_for_the_worker(house: House) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
    try:
        house.folder.prepare(HANG)
        record_once(house.folder.of_attempt(1, "json"), Started(stranger.pid, "of-another-boot:17", "here"))
        runner = house.runner()
        assert await runner.look(attempt()) == Worker(Sight.GONE)
        await runner.stop(attempt(), insist=False)
        await runner.stop(attempt(), insist=True)
        await runner.start(attempt(2), HANG)
        assert is_there(stranger.pid)
    finally:
        stranger.kill()
        await stranger.wait()


async def test_it_is_asked_once_and_then_ended_with_all_it_started(house: House) -> None:
    runner = house.runner()
    await runner.start(attempt(), CHILD.replace("hang", "hang stubborn"))
    pid = await house.ready()
    child = int((house.folder.run / "child").read_text())
    for _ in range(3):
        await runner.stop(attempt(), insist=False)
    assert await runner.look(attempt()) == ALIVE
    await house.runner().stop(attempt(), insist=True)
    assert await gone(runner, attempt()) == Worker(Sight.GONE)
    await until(lambda: not is_there(child) and not is_there(pid))


async def test_the_wish_is_told_once_also_across_a_restart(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second SIGTERM would end it without a checkpoint."""
    asked: list[Started] = []
    monkeypatch.setattr(session, "ask", asked.append)
    await house.runner().start(attempt(), HANG)
    await house.runner().stop(attempt(), insist=False)
    await house.runner().stop(attempt(), insist=False)
    assert len(asked) == 1


async def test_a_launcher_that_comes_late_finds_its_place_taken(house: House) -> None:
    runner = house.runner()
    house.folder.prepare(HANG)
    record_once(house.folder.of_attempt(1, "json"), Started(0, "", "here"))
    launcher = runner._launched(house.folder, job().id, 1)
    assert launcher.wait(LIMIT) == 76
    assert house.pids == []


async def test_a_worker_gets_of_the_environment_what_is_named(house: House) -> None:
    runner = house.runner(MINE="1", SECRET="2")
    await runner.start(attempt(), HANG)
    environment = psutil.Process(await house.ready()).environ()
    assert environment["MINE"] == "1"
    assert environment[MARK] == f"{job().id}/1"
    assert "SECRET" not in environment
    assert not [name for name in environment if name.startswith("COLONNADE_") and name != MARK]


async def test_what_cannot_be_started(house: House, tmp_path: Path) -> None:
    runner = house.runner()
    runner._command = (str(tmp_path / "nothing"),)
    await runner.start(attempt(), DONE)
    assert await gone(runner, attempt()) == Worker(Sight.GONE)
    runner._work = tmp_path / "nowhere"
    with pytest.raises(Unavailable, match="cannot be used"):
        await runner.start(attempt(2), DONE)
    with pytest.raises(NotFound):
        await runner.look(replace(attempt(), id="../job"))


def test_a_record_is_written_once(tmp_path: Path) -> None:
    first, second = Started(1, "a", "here"), Started(2, "b", "here")
    assert record_once(tmp_path / "r.json", first)
    assert not record_once(tmp_path / "r.json", second)
    assert json.loads((tmp_path / "r.json").read_text()) == {"pid": 1, "born": "a", "machine": "here"}
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.slow
def test_the_usual_command_is_the_worker_of_training() -> None:
    shown = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True, timeout=LIMIT)
    assert "--out" in shown.stdout
    assert "--threads" in shown.stdout
