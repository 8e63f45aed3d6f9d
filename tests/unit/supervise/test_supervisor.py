"""A supervisor over real, tiny processes: what it starts, what it brings back, and how it lets go."""

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from colonnade.errors import Conflict, NotFound
from colonnade.supervise import stale
from colonnade.supervise.home import Home
from colonnade.supervise.states import State
from colonnade.supervise.supervisor import Supervisor
from colonnade.supervise.topology import ServiceSpec
from tests.unit.supervise.stage import SocketHealth, eventually, quick_watch, running

Fake = Callable[..., ServiceSpec]


def diary(home: Home) -> list[str]:
    path = home.root / "diary"
    return path.read_text().splitlines() if path.exists() else []


def noted_pid(home: Home, what: str) -> int:
    return int(next(line.split()[-1] for line in diary(home) if what in line))


async def test_all_start_and_get_ready(home: Home, fake: Fake) -> None:
    async with running(home, fake("registry"), fake("engine")) as supervisor:
        await eventually(lambda: supervisor.status().ready, "ready")
        status = supervisor.status()
        assert [service.name for service in status.services] == ["registry", "engine"]
        assert all(service.pid and service.memory_bytes for service in status.services)
        assert status.service("engine").restarts == 0
        assert status.pid == os.getpid()
    assert all(service.state is State.STOPPED for service in supervisor.status().services)


async def test_output_goes_to_the_log(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine")) as supervisor:
        await eventually(lambda: supervisor.status().ready)
    assert "engine says hello" in home.log("engine").read_text()
    assert home.log("engine").stat().st_mode & 0o077 == 0


async def test_a_killed_service_is_started_again(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine")) as supervisor:
        await eventually(lambda: supervisor.status().ready)
        first = supervisor.status().service("engine").pid
        assert first
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: supervisor.status().service("engine").pid not in (None, first))
        await eventually(lambda: supervisor.status().ready)
        now = supervisor.status().service("engine")
        assert now.restarts == 1
        assert now.last_exit == "killed by SIGKILL"


async def test_a_service_that_hangs_is_ended_and_started_again(home: Home, fake: Fake) -> None:
    spec = fake("engine", "--hang", "--stubborn", grace_seconds=0.1)
    async with running(home, spec, watch=partial(quick_watch, answer_seconds=0.1)) as supervisor:
        await eventually(lambda: supervisor.status().ready)
        (home.root / "engine.hang").touch()
        await eventually(lambda: supervisor.status().service("engine").restarts)
        (home.root / "engine.hang").unlink()
        await eventually(lambda: supervisor.status().ready)
    assert "times in a row" in home.log("supervisor").read_text()


async def test_a_service_that_never_answers_is_given_up_and_tried_again(home: Home, fake: Fake) -> None:
    deaf = fake("engine", start_seconds=0.2, probe=SocketHealth(Path("/nowhere/at/all")))
    async with running(home, deaf) as supervisor:
        await eventually(lambda: supervisor.status().service("engine").restarts)
    assert "within 0 s of its start" in home.log("supervisor").read_text()


async def test_a_service_that_keeps_ending_is_a_crash_loop_with_a_reason(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine", "--exit", "3")) as supervisor:
        await eventually(lambda: supervisor.status().service("engine").state is State.CRASH_LOOP)
        broken = supervisor.status().service("engine")
        assert broken.reason == "exit status 3"
        assert broken.retry_in_seconds is not None
        assert "something is wrong" in home.log("engine").read_text()


async def test_alive_but_not_ready_is_left_alone(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine", "--never-ready")) as supervisor:
        await eventually(lambda: supervisor.status().service("engine").reason == "says it is not ready")
        assert supervisor.status().service("engine").state is State.STARTING
        assert not supervisor.status().ready


async def test_a_command_that_cannot_be_started_backs_off(home: Home, fake: Fake) -> None:
    missing = fake("engine", command=("/nowhere/python",))
    async with running(home, missing) as supervisor:
        await eventually(lambda: supervisor.status().service("engine").state is State.CRASH_LOOP)


async def test_they_stop_from_the_outside_in(home: Home, fake: Fake) -> None:
    order = ("gateway", "inference", "engine", "registry")
    specs = [fake(name, stop_rank=rank) for rank, name in enumerate(order)]
    async with running(home, *reversed(specs)) as supervisor:
        await eventually(lambda: supervisor.status().ready)
    assert [line.split()[0] for line in diary(home) if line.endswith("stopped")] == list(order)


async def test_one_that_ignores_sigterm_is_killed_after_its_grace(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine", "--stubborn", grace_seconds=0.1)) as supervisor:
        await eventually(lambda: supervisor.status().ready)
    assert supervisor.status().service("engine").last_exit == "killed by SIGKILL"


async def test_a_second_stop_does_not_wait(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine", "--stubborn", grace_seconds=600)) as supervisor:
        await eventually(lambda: supervisor.status().ready)
        supervisor.stop()
        await eventually(lambda: supervisor.status().service("engine").state is State.STOPPING)
        supervisor.stop()
    assert supervisor.status().service("engine").last_exit == "killed by SIGKILL"


async def test_stopping_while_a_service_pauses(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine", "--exit", "1")) as supervisor:
        await eventually(lambda: supervisor.status().service("engine").state is State.CRASH_LOOP)
    assert supervisor.status().service("engine").state is State.STOPPED


async def test_restart_on_request_is_no_failure(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine")) as supervisor:
        await eventually(lambda: supervisor.status().ready)
        first = supervisor.status().service("engine").pid
        await supervisor.restart("engine")
        await eventually(lambda: supervisor.status().ready)
        assert supervisor.status().service("engine").pid != first
        with pytest.raises(NotFound, match="there are: engine"):
            await supervisor.restart("oven")
        supervisor.stop()
        with pytest.raises(Conflict, match="stopping"):
            await supervisor.restart("engine")


async def test_what_a_service_started_ends_with_it(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine", "--child")) as supervisor:
        await eventually(lambda: supervisor.status().ready)
        grandchild = noted_pid(home, "child")
        os.kill(supervisor.status().service("engine").pid or 0, signal.SIGKILL)
        await eventually(lambda: not _alive(grandchild), "the grandchild ends")


async def test_a_second_supervisor_is_refused_before_it_starts_anything(home: Home, fake: Fake) -> None:
    async with running(home, fake("engine")) as supervisor:
        await eventually(lambda: supervisor.status().ready)
        before = diary(home)
        with pytest.raises(Conflict, match="running in this home already") as refused:
            await Supervisor(home, [fake("registry")], watch=quick_watch).run()
        assert refused.value.details["pid"] == os.getpid()
        assert diary(home) == before
        assert supervisor.status().ready


async def test_stale_sockets_and_pid_files_are_cleared_away(home: Home, fake: Fake) -> None:
    home.control.touch()
    home.socket("engine").touch()
    home.pid_file("engine").write_text('{"pid": 1, "born": "long ago"}')
    home.pid_file("broken").write_text("not json")
    async with running(home, fake("engine")) as supervisor:
        await eventually(lambda: supervisor.status().ready)
        assert not home.pid_file("broken").exists()
    assert not list(home.run.glob("*.pid"))
    assert not home.control.exists()


async def test_what_a_dead_supervisor_left_is_ended(home: Home, fake: Fake) -> None:
    left = await asyncio.create_subprocess_exec(*fake("engine").command, start_new_session=True)
    await eventually(lambda: any("started" in line for line in diary(home)))
    stale.remember(home, "engine", left.pid)
    async with running(home, fake("registry")) as supervisor:
        assert await asyncio.wait_for(left.wait(), 10) is not None
        await eventually(lambda: supervisor.status().ready)


async def test_a_process_that_took_over_a_recorded_number_is_not_touched(home: Home, fake: Fake) -> None:
    bystander = await asyncio.create_subprocess_exec(*fake("other").command, start_new_session=True)
    home.pid_file("engine").write_text(f'{{"pid": {bystander.pid}, "born": "another boot:1"}}')
    assert await stale.sweep(home) == 0
    assert bystander.returncode is None
    bystander.kill()
    await bystander.wait()


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
