"""Children: how they are started, and that they cannot outlive their parent."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from colonnade.supervise import launch
from colonnade.supervise.home import Home
from colonnade.supervise.logfile import RotatingLog
from colonnade.supervise.process import Exit, spawn
from tests.unit.supervise.stage import eventually

LAUNCHER = str(Path(launch.__file__))


async def run(home: Home, code: str) -> tuple[Exit, str]:
    log = RotatingLog(home.log("x"))
    process = spawn((sys.executable, "-I", "-S", "-c", code), {"A": "b"}, home.root, log)
    end = await asyncio.wait_for(process.wait(), 30)
    log.close()
    return end, home.log("x").read_text()


async def test_a_child_has_its_own_session_no_input_and_the_given_environment(home: Home) -> None:
    code = (
        "import os, sys, signal; print(os.getsid(0) == os.getpgid(0) == os.getpid(), repr(sys.stdin.read()),"
        " os.environ['A'], os.getcwd())"
    )
    end, said = await run(home, code)
    assert end == Exit(0)
    assert said == f"True '' b {home.root}\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
async def test_the_kernel_knows_that_it_dies_with_its_parent(home: Home) -> None:
    get_pdeathsig = 2
    code = f"import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl({get_pdeathsig}, ctypes.byref(n))"
    code += "; print(n.value)"
    _, said = await run(home, code)
    assert said == "9\n"


async def test_its_last_words_are_kept_and_its_end_told(home: Home) -> None:
    end, said = await run(home, "import os, sys; sys.stderr.write('x' * 200_000); os.abort()")
    assert str(end) == "killed by SIGABRT"
    assert len(said) == 200_000


async def test_a_child_that_leaves_somebody_with_its_output(home: Home) -> None:
    """The pipe stays open in a process of another session; the child's end is told all the same."""
    code = "import subprocess; p = subprocess.Popen(['sleep', '30'], start_new_session=True); print(p.pid)"
    log = RotatingLog(home.log("x"))
    command = (sys.executable, "-I", "-S", "-c", code)
    process = spawn(command, {"PATH": os.environ["PATH"]}, home.root, log)
    try:
        assert await asyncio.wait_for(process.wait(), 30) == Exit(0)
    finally:
        log.close()
        os.kill(int(home.log("x").read_text().split()[-1]), 9)


async def test_what_it_started_in_a_group_of_its_own_ends_with_it(home: Home) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '30'], process_group=0); print(p.pid)"
    log = RotatingLog(home.log("x"))
    command = (sys.executable, "-I", "-S", "-c", code)
    process = spawn(command, {"PATH": os.environ["PATH"]}, home.root, log)
    assert await asyncio.wait_for(process.wait(), 30) == Exit(0)
    log.close()
    started = int(home.log("x").read_text())
    await eventually(lambda: not psutil.pid_exists(started), "it has ended")


async def test_memory(home: Home) -> None:
    log = RotatingLog(home.log("x"))
    process = spawn((sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"), {}, home.root, log)
    assert (process.memory_bytes() or 0) > 0
    await process.stop(5)
    assert process.memory_bytes() is None
    process.terminate()
    process.kill()
    log.close()


async def test_without_pidfd_the_end_is_noticed_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    end, said = await run(home, "print('hi'); raise SystemExit(4)")
    assert (str(end), said) == ("exit status 4", "hi\n")


async def test_children_are_started_from_the_main_thread_only(home: Home) -> None:
    log = RotatingLog(home.log("x"))
    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(spawn, ("true",), {}, home.root, log)
    log.close()


def test_a_launcher_whose_parent_is_gone_already_starts_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = [sys.executable, "-I", "-S", LAUNCHER, "1", "touch", str(mark)]
    assert subprocess.run(command, check=False).returncode == 1
    assert not mark.exists()


def test_how_ends_are_told() -> None:
    assert str(Exit(3)) == "exit status 3"
    assert str(Exit(-9)) == "killed by SIGKILL"
    assert str(Exit(-60)) == "killed by signal 60"
