"""A preparation that is killed goes on: what comes out is what comes out without a kill, to the byte."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import pytest

from colonnade.errors import Unavailable
from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.settings import DataSettings
from tests.unit.learn.data.corpora import content_of, json_lines, settings, texts

KILLS = 20
STRETCH = 3000


def _in_a_fork(work: Callable[[], None], at: int) -> int | None:
    """Runs ``work`` in a child that kills itself at its ``at``-th call; how many it made, if it came
    through."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        _work_and_die(work, at, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0, said.decode()
    return int(said)


def _work_and_die(work: Callable[[], None], at: int, writing: int) -> None:
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.setprofile(count)
        work()
        sys.setprofile(None)
        os.write(writing, str(calls).encode())
        os._exit(0)
    except BaseException as error:
        sys.setprofile(None)
        os.write(writing, repr(error).encode())
        os._exit(1)


def _corpus(folder: Path) -> DataSettings:
    rows = list(texts(90))
    near = [row + " Again." for row in rows[:20]]
    first = json_lines(folder / "first.jsonl", rows[:50] + near)
    second = json_lines(folder / "second.jsonl", [*rows[50:], "", rows[3]])
    return settings(
        first, second, split={"validation": 0.2}, shard_tokens=1024, quality={"min_characters": 5}
    )


def test_twenty_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    said = _corpus(tmp_path)
    whole = tmp_path / "whole"
    calls = _in_a_fork(partial(_prepare, said, whole), 0)
    assert calls is not None
    expected = content_of(whole)
    drawn, kills, sets = random.Random(0), 0, 0
    while kills < KILLS:
        out = tmp_path / f"set {sets}"
        if _in_a_fork(partial(_prepare, said, out), drawn.randint(1, calls * 3 // 4)) is None:
            kills += 1
        else:
            assert content_of(out) == expected
            sets += 1
    _prepare(said, out)
    assert content_of(out) == expected


def _prepare(said: DataSettings, out: Path) -> None:
    prepare(said, out, stretch=STRETCH)


@pytest.mark.parametrize("call", ["fsync", "rename", "unlink", "rmdir"])
def test_a_kill_beside_any_step_that_reaches_the_disk_changes_nothing(tmp_path: Path, call: str) -> None:
    """Every such step of a whole preparation, right before it is made."""
    said = _corpus(tmp_path)
    _prepare(said, tmp_path / "whole")
    expected, number, out = content_of(tmp_path / "whole"), 1, tmp_path / "set"
    while _in_a_fork(partial(_killed_before, call, number, said, out), 0) is None:
        number += 7 if call == "fsync" else 1
    assert number > 1
    assert content_of(out) == expected


def _killed_before(call: str, number: int, said: DataSettings, out: Path) -> None:
    """In a child: its ``number``-th such step is its last."""
    real, left = getattr(os, call), number

    def step(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    setattr(os, call, step)
    _prepare(said, out)


_KILLED = """
import os, sys
from pathlib import Path
import psutil
from colonnade.errors import Unavailable
from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.settings import DataSettings

def tell(progress):
    print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
    sys.stdin.read()

if __name__ == "__main__":
    said = DataSettings.model_validate_json(Path(sys.argv[1]).read_text())
    prepare(said, Path(sys.argv[2]), tell, stretch=3000)
"""


@pytest.mark.slow
def test_the_processes_of_one_that_is_killed_end_too(tmp_path: Path) -> None:
    said = _corpus(tmp_path).model_copy(update={"processes": 2})
    (tmp_path / "settings.json").write_text(said.model_dump_json())
    (tmp_path / "killed.py").write_text(_KILLED)
    command = [sys.executable, "killed.py", "settings.json", "set"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        process.kill()
    assert len(workers) >= 2
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    prepare(said, tmp_path / "whole", stretch=STRETCH)
    prepare(said, tmp_path / "set", stretch=STRETCH)
    assert content_of(tmp_path / "set") == content_of(tmp_path / "whole")


@pytest.mark.slow
def test_a_process_that_is_killed_for_its_memory_is_told_and_its_work_is_done_again(tmp_path: Path) -> None:
    said = _corpus(tmp_path)
    _prepare(said, tmp_path / "whole")
    several = said.model_copy(update={"processes": 2})

    def kill_workers(progress: object) -> None:
        for child in psutil.Process().children():
            if any("spawn_main" in part for part in child.cmdline()):
                child.kill()

    with pytest.raises(Unavailable, match="was killed, most likely for want of memory"):
        prepare(several, tmp_path / "set", kill_workers, stretch=STRETCH)
    prepare(several, tmp_path / "set", stretch=STRETCH)
    assert content_of(tmp_path / "set") == content_of(tmp_path / "whole")
