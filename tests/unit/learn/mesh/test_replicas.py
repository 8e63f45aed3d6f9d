"""Copies of a model that learn from their parts of the rows learn what one process does."""

import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
import pytest
import torch

from tests.unit.learn.mesh.runs import Runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


def test_two_processes_learn_what_one_does_and_one_alone_tells(runs: Runs) -> None:
    """Rows are drawn by documents: their targets differ in number from process to process."""
    wanted = runs.recipe(batch={"rows": 3, "accumulate": 1, "packing": "documents"}, steps=8)
    runs.alone("one", wanted)
    together = runs.ran("two", wanted, processes=2)
    runs.alike("one", "two")
    alone, kept = (_without_progress(runs.log(name)) for name in ("one", "two"))
    assert alone == kept == _without_progress(together[:-1])


def _without_progress(told: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["event"] for each in told if each["event"] != "progress"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "batch"),
    [(4, {"rows": 4, "accumulate": 2}), (3, {"rows": 4, "accumulate": 3}), (4, {"rows": 1, "accumulate": 2})],
)
def test_any_number_of_processes_shares_the_same_rows(
    runs: Runs, processes: int, batch: dict[str, int]
) -> None:
    """Also where the rows cannot be shared evenly, and where some have none."""
    one, several = (f"{processes}-{batch['rows']}-{each}" for each in ("one", "several"))
    runs.alone(one, runs.recipe(batch=batch))
    runs.ran(several, runs.recipe(batch=batch), processes=processes)
    runs.alike(one, several)


@pytest.mark.slow
def test_goes_on_at_another_number_of_processes(runs: Runs) -> None:
    wanted = runs.recipe(steps=12, checkpoints={"every": 4})
    runs.ran("whole", wanted)
    for processes, wait_for in ((4, 4), (2, 8)):
        _stopped(runs, "changing", wanted, processes, wait_for)
    told = runs.ran("changing", wanted)
    said = [each["sentence"] for each in told if each["event"] == "note"]
    assert any("processes was 2 replicas and is 1 process" in sentence for sentence in said)
    runs.alike("whole", "changing")


def _stopped(runs: Runs, name: str, wanted: Any, processes: int, step: int) -> None:
    """Asked to stop once it was told of that step."""
    with runs.start(name, wanted, "--processes", str(processes)) as process:
        _await_step(process, step)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        last = json.loads(list(process.stdout)[-1])
    assert process.returncode == 3
    assert last["ending"] == "stopped"


def _await_step(process: "subprocess.Popen[str]", step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        if said["event"] == "step" and said["step"] >= step:
            return
    raise AssertionError("it ended before that step")


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_dies_ends_the_run_and_the_next_one_goes_on(runs: Runs, rank: int) -> None:
    wanted = runs.recipe(steps=60, checkpoints={"every": 2}, reports={"every": 1}, evaluation={"every": 50})
    if rank == 0:
        runs.ran("undisturbed", wanted, processes=2)
    name = f"killed-{rank}"
    with runs.start(name, wanted, "--processes", "2") as process:
        _await_step(process, 5)
        _member(process.pid, rank).kill()
        assert process.stdout is not None
        last = json.loads(list(process.stdout)[-1])
    assert process.returncode == 2
    assert (last["event"], last["code"]) == ("error", "unavailable")
    assert "goes on from its last checkpoint" in last["message"]
    told = runs.ran(name, wanted, processes=2)
    began = next(each for each in told if each["event"] == "began")
    assert began["step"] >= 4
    first, second = runs.weights("undisturbed"), runs.weights(name)
    assert all(torch.equal(value, second[each]) for each, value in first.items())


@pytest.mark.slow
def test_members_end_with_the_process_that_started_them(runs: Runs) -> None:
    wanted = runs.recipe(steps=100_000, evaluation={"every": 100_000}, checkpoints={"every": 100_000})
    with runs.start("orphans", wanted, "--processes", "2") as process:
        _await_step(process, 4)
        members = [_member(process.pid, rank) for rank in (0, 1)]
        process.kill()
    gone, alive = psutil.wait_procs(members, timeout=60)
    assert len(gone) == 2
    assert not alive


def _member(parent: int, rank: int) -> psutil.Process:
    return next(
        child for child in psutil.Process(parent).children() if child.environ().get("RANK") == str(rank)
    )
