"""A writer that is killed leaves the last checkpoint it told of, or the one after, and that whole."""

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from colonnade.learn.checkpoints import CheckpointManager, catalogue
from tests.unit.learn.checkpoints.children import all_sent, started
from tests.unit.learn.checkpoints.killed import replace_and_remove, write_for_ever, write_too_much
from tests.unit.learn.checkpoints.making import hidden, same, snapshot

_KILLED = -9


@pytest.mark.parametrize("size", [10, 100_000])
def test_killed_at_random_moments(tmp_path: Path, size: int) -> None:
    """Many short writes, and few long ones of more than a megabyte."""
    chance = random.Random(size)
    last = 0
    for _ in range(12):
        child, connection = started(write_for_ever, tmp_path, size)
        first = [connection.recv() for _ in range(chance.randrange(1, 12))]
        connection.poll(chance.random() * 0.02)
        child.kill()
        sent = first + all_sent(connection)
        child.join()
        assert child.exitcode == _KILLED
        assert [told for kind, told in sent if kind == "told"] == []
        begun = max(step for kind, step in sent if kind == "begun")
        saved = max((step for kind, step in sent if kind == "saved"), default=last)
        found = catalogue.newest(tmp_path, pytest.fail)
        assert (found.step if found else 0) in range(max(saved, last), begun + 1)
        if found is not None:
            assert same(found, snapshot(found.step, size=size))
            last = found.step
    assert last > 0
    with CheckpointManager(tmp_path) as checkpoints:
        assert same(checkpoints.latest(pytest.fail), snapshot(last, size=size))
    assert hidden(tmp_path) == []


def test_killed_before_every_act_on_files(tmp_path: Path) -> None:
    """Also while one takes the place of another, and while an old one is removed."""
    states: list[tuple[int, int]] = []
    for number, root in enumerate(_roots(tmp_path), start=1):
        child, connection = started(replace_and_remove, root, number)
        *_, told = all_sent(connection)
        child.join()
        with CheckpointManager(root) as checkpoints:
            found = checkpoints.latest(pytest.fail)
            kept = len(checkpoints.list())
        assert found is not None
        seed = found.facts["seed"]
        assert same(found, snapshot(found.step, seed=seed))
        assert told <= (found.step, seed)
        assert hidden(root) == []
        states.append((found.step, seed))
        if child.exitcode == 0:
            assert (told, kept) == ((2, 3), 1)
            break
        assert child.exitcode == _KILLED
    assert states == sorted(states)  # the later it died, the newer what it left
    assert set(states) == {(1, 1), (1, 2), (2, 3)}
    assert len(states) > 20


def test_a_write_that_the_kernel_ends_in_its_middle(tmp_path: Path) -> None:
    child, connection = started(write_too_much, tmp_path, 50_000)
    sent = all_sent(connection)
    child.join()
    assert child.exitcode == 0
    assert sent == [
        "the checkpoint of step 2 could not be written (File too large); those before it are as they were: "
        "free some space, or keep fewer of them, and save again"
    ]
    with CheckpointManager(tmp_path) as checkpoints:
        assert [entry.step for entry in checkpoints.list()] == [1, 3]
        assert same(checkpoints.load(1), snapshot(1))
    assert hidden(tmp_path) == []


def test_a_reader_beside_a_writer_always_finds_a_whole_one(tmp_path: Path) -> None:
    child, connection = started(write_for_ever, tmp_path, 10)
    while connection.recv() != ("saved", 3):
        pass
    steps = [3]
    while steps[-1] < 40:
        found = catalogue.newest(tmp_path, pytest.fail)
        assert found is not None
        assert same(found, snapshot(found.step, size=10))
        steps.append(found.step)
        while connection.poll():
            connection.recv()
    child.kill()
    all_sent(connection)
    child.join()
    assert steps == sorted(steps)


def _roots(folder: Path) -> Iterator[Path]:
    return (folder / str(number) for number in count())
