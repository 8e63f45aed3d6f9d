"""A replica without Ray: it starts an engine, answers for it, and ends it."""

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from colonnade.errors import Unavailable
from colonnade.serving.replica import EngineReplica
from colonnade.supervise.home import Home
from tests.harness.platform import eventually
from tests.unit.serving.conftest import ROOT


async def started(**arguments: object) -> EngineReplica:
    replica = EngineReplica.__new__(EngineReplica)  # as Ray makes it
    await replica.__init__(dict(arguments))  # type: ignore[misc]
    return replica


async def test_it_answers_for_its_engine(fake_engine: Home) -> None:
    replica = await started()
    await replica.check_health()
    assert await replica.record_autoscaling_stats() == {"requests": 6.0, "outstanding_tokens": 700.0}
    replica.__del__()
    log = fake_engine.log("engine-0")
    eventually(lambda: "stopping" in log.read_text(), 10, "the engine's last words are kept")


async def test_each_has_an_engine_of_its_own(fake_engine: Home) -> None:
    first, second = await asyncio.gather(started(), started())
    assert {path.name for path in fake_engine.run.glob("*.sock")} == {"engine-0.sock", "engine-1.sock"}
    first.__del__()
    second.__del__()


async def test_an_engine_that_dies_fails_the_next_check(fake_engine: Home) -> None:
    replica = await started()
    pid = replica._engine.pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: replica._engine.ended(), 10, "its end is seen")
    with pytest.raises(Unavailable, match="the engine has ended: killed by SIGKILL"):
        await replica.check_health()
    assert await replica.record_autoscaling_stats() == {}
    replica.__del__()


async def test_an_engine_that_cannot_start_fails_its_replica(
    fake_engine: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE", "ends")
    with pytest.raises(Unavailable, match="did not start: exit status 3; its log says why"):
        await started()
    eventually(lambda: "it cannot be" in fake_engine.log("engine-0").read_text(), 10, "it said why")


async def test_an_engine_that_never_gets_ready_is_given_up(
    fake_engine: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE", "unready")
    with pytest.raises(Unavailable, match=r"not ready after 0\.2 s"):
        await started(start_seconds=0.2)


async def test_an_engine_that_does_not_end_is_killed(
    fake_engine: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE", "stays")
    replica = await started()
    assert str(replica._engine.stop(0.1)) == "killed by SIGKILL"


_DYING = """
import asyncio, os, signal, sys
from colonnade.serving import child, replica
child._MODULE = "tests.unit.serving.fake_engine"
replica._node = lambda: "127.0.0.1"

async def main():
    made = replica.EngineReplica.__new__(replica.EngineReplica)
    await made.__init__({})
    print(made._engine.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_kill_9_of_a_replica_takes_its_engine_with_it(home: Home) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _DYING], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    eventually(lambda: not psutil.pid_exists(int(done.stdout)), 10, "the engine has ended too")
