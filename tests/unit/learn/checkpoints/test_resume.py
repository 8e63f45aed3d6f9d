"""A run that was killed again and again ends with the very weights of one that never was."""

import random
from pathlib import Path

import pytest

from colonnade.learn.checkpoints import Snapshot, catalogue
from tests.unit.learn.checkpoints.children import all_sent, started
from tests.unit.learn.checkpoints.killed import STEPS, train
from tests.unit.learn.checkpoints.making import same, same_tensors

_SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 20))]


def run(root: Path, chance: random.Random | None, seed: int = 13) -> tuple[Snapshot, int]:
    """Trains to the end, killed after some more steps each time; the last checkpoint, and how many kills."""
    kills = 0
    while True:
        child, connection = started(train, root, seed)
        left = STEPS + 1 if chance is None else chance.randrange(3, 25)
        try:
            for _ in range(left):
                connection.recv()
            child.kill()
        except EOFError:
            left = 0
        all_sent(connection)
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -9, "a child failed"
        kills += 1
    found = catalogue.newest(root, pytest.fail)
    assert found is not None
    return found, kills


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    found, kills = run(tmp_path_factory.mktemp("whole"), None)
    assert (found.step, kills) == (STEPS, 0)
    return found


@pytest.mark.parametrize("seed", _SEEDS)
def test_a_killed_run_ends_with_the_same_bits(tmp_path: Path, whole: Snapshot, seed: int) -> None:
    found, kills = run(tmp_path, random.Random(seed))
    assert same(found, whole)
    assert kills > 0


def test_that_run_depends_on_what_is_drawn(tmp_path: Path, whole: Snapshot) -> None:
    """Else the others would prove nothing."""
    found, _ = run(tmp_path, None, seed=14)
    assert not same_tensors(found.tensors, whole.tensors)
