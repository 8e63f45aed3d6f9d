"""A run's processes on a cluster: how many, what each is told, when one was lost, when others are started."""

import fcntl
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument
from colonnade.supervise.replicas import Replicas
from colonnade.training.adapters.groups import may_begin
from colonnade.training.adapters.job_folder import JobFolder, ask_once
from colonnade.training.adapters.last_words import last_words
from colonnade.training.adapters.parallel import Processes, processes_of
from colonnade.training.adapters.rank import Part, Rank, RankLost
from colonnade.training.adapters.ray_driver import main
from colonnade.training.domain import Ending

LIMIT = 60.0
TELLS = "import json, os, sys; print(json.dumps({'event': 'done', 'ending': 'done'} | dict(os.environ)))"
REFUSES = 'print(\'{"event": "error", "code": "%s", "message": "so"}\'); raise SystemExit(2)'
DIES = "import os; os.kill(os.getpid(), 9)"
FAILS = "raise SystemExit(1)"
WAITS = (
    "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('{}', flush=True); signal.pause()"
)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path / "job_1")
    folder.prepare("name: plays\nsteps: 2\n")
    return folder


def part(folder: JobFolder, code: str, number: int = 0, world: int = 1, **inherited: str) -> Part:
    command = (sys.executable, "-I", "-S", "-c", code)
    return Part(folder, 1, Rank(number, world, "10.0.0.1", 4711), command, inherited, folder.root)


@pytest.mark.parametrize(
    ("section", "limits", "found"),
    [
        ("", "1", Processes(1, 1, 1)),
        ("", "2:8", Processes(2, 8, 1)),
        ("parallel: {replicas: 2}", "1:8", Processes(2, 2, 1)),
        ("parallel: {shards: 4}", "1:11", Processes(4, 8, 4)),
        ("parallel: {shards: 2, tensor: 2, replicas: 1}", "1:8", Processes(4, 4, 4)),
        ("parallel: {replicas: null, tensor: 3}", "4:8", Processes(6, 6, 3)),
        ("parallel: many", "1:2", Processes(1, 2, 1)),
        ("parallel: {shards: many}", "1:2", Processes(1, 2, 1)),
    ],
)
def test_how_many_processes(section: str, limits: str, found: Processes) -> None:
    assert processes_of(f"name: a\n{section}\n", Replicas.parse(limits)) == found


@pytest.mark.parametrize("section", ["{shards: 3}", "{replicas: 3}", "{tensor: 2, replicas: 2}"])
def test_more_than_there_may_be_is_refused(folder: JobFolder, section: str) -> None:
    recipe = f"name: a\nparallel: {section}\n"
    with pytest.raises(InvalidArgument, match="COLONNADE_TRAINING_WORKERS"):
        processes_of(recipe, Replicas(1, 2))
    folder.recipe.write_text(recipe)
    assert main([str(folder.root), "1", "--work", "/", "--workers", "1:2", "--", "true"]) == 2
    assert last_words(folder.of_attempt(1, "out"))[0] is Ending.REFUSED


def test_what_a_rank_is_told(folder: JobFolder) -> None:
    part(
        folder, TELLS, 1, 2, RAY_AUTH_TOKEN="secret", COLONNADE_IDENTITY_DIR="/keys", NCCL_DEBUG="INFO"
    ).run()
    told = json.loads(folder.of_attempt(1, "1.out").read_text())
    assert (told["RANK"], told["WORLD_SIZE"], told["LOCAL_RANK"]) == ("1", "2", "0")
    assert (told["MASTER_ADDR"], told["MASTER_PORT"], told["NCCL_DEBUG"]) == ("10.0.0.1", "4711", "INFO")
    assert not [name for name in told if name.startswith(("RAY_", "COLONNADE_"))]
    part(folder, TELLS).run()
    assert "RANK" not in json.loads(folder.of_attempt(1, "out").read_text())


@pytest.mark.parametrize(
    ("number", "code", "lost"),
    [
        (0, TELLS, False), (0, REFUSES % "invalid_argument", False), (0, REFUSES % "unavailable", True),
        (0, DIES, True), (0, FAILS, True),
        (1, FAILS, False), (1, REFUSES % "unavailable", False), (1, DIES, True),
    ],
)  # fmt: skip
def test_when_a_group_has_lost_one(folder: JobFolder, number: int, code: str, lost: bool) -> None:
    if not lost:
        part(folder, code, number, 2).run()
        return
    with pytest.raises(RankLost):
        part(folder, code, number, 2).run()


def test_what_an_earlier_group_told_is_forgotten(folder: JobFolder) -> None:
    part(folder, TELLS).run()
    with pytest.raises(RankLost):
        part(folder, DIES).run()
    assert last_words(folder.of_attempt(1, "out")) == (Ending.NONE, "")


def test_it_is_asked_once_and_then_nothing_was_lost(folder: JobFolder) -> None:
    thread = threading.Thread(target=part(folder, WAITS).run)
    thread.start()
    out = folder.of_attempt(1, "out")
    while not (out.exists() and out.stat().st_size):
        assert thread.is_alive()
    ask_once(folder, 1)
    thread.join(LIMIT)
    assert not thread.is_alive()
    part(folder, DIES).run()  # one that begins afterwards begins nothing


def test_the_first_waits_for_the_first_of_the_group_before(folder: JobFolder) -> None:
    held = os.open(folder.first_rank, os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    thread = threading.Thread(target=part(folder, TELLS).run)
    thread.start()
    part(folder, TELLS, 1, 2).run()  # others do not
    assert not folder.of_attempt(1, "out").exists()
    os.close(held)
    thread.join(LIMIT)
    assert last_words(folder.of_attempt(1, "out"))[0] is Ending.DONE


def test_groups_go_on_as_long_as_they_get_further(folder: JobFolder) -> None:
    checkpoints = folder.run / "checkpoints"
    for step in range(5):
        (checkpoints / f"step-{step:08d}").mkdir(parents=True)
        assert may_begin(folder, 1, 0)
    (checkpoints / ".step-00000009.partial").mkdir()
    assert not may_begin(folder, 1, 0)
    assert may_begin(folder, 1, 1)
    assert may_begin(folder, 2, 0)
    ending, words = last_words(folder.of_attempt(1, "out"))
    assert (ending, words) == (Ending.NONE, "no group of workers got to a checkpoint (1 in a row)")
