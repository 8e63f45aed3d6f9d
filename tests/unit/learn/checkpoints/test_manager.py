import os
import threading
from pathlib import Path

import pytest
import torch

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound, Unavailable
from colonnade.learn.checkpoints import Best, CheckpointManager, Retention, Snapshot, manager
from colonnade.learn.checkpoints.copies import Copied
from colonnade.learn.checkpoints.folder import write_checkpoint
from tests.unit.learn.checkpoints.making import hidden, place, same, snapshot


def silent(told: str) -> None:
    raise AssertionError(told)


def steps_of(checkpoints: CheckpointManager) -> list[int]:
    return [entry.step for entry in checkpoints.list()]


class Gate:
    """Holds the writer's thread back until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.written: list[int] = []
        monkeypatch.setattr(manager, "write_checkpoint", self._write)

    def _write(
        self, root: Path, step: int, epoch: float, facts: dict[str, object], copied: Copied, shard_bytes: int
    ) -> Path:
        self.reached.set()
        assert self.opened.wait(60)
        self.written.append(step)
        return write_checkpoint(root, step, epoch, facts, copied, shard_bytes)


def test_what_was_saved_is_the_latest(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path / "run" / "checkpoints") as checkpoints:
        assert checkpoints.latest(silent) is None
        for step in (1, 2, 10):
            checkpoints.save(snapshot(step))
            assert same(checkpoints.latest(silent), snapshot(step))
        assert same(checkpoints.load(2), snapshot(2))
        assert steps_of(checkpoints) == [1, 2, 10]
    with CheckpointManager(tmp_path / "run" / "checkpoints") as checkpoints:
        assert same(checkpoints.latest(silent), snapshot(10))


def test_closing_waits_for_the_write(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path) as checkpoints:
        checkpoints.save(snapshot(5))
    assert same(CheckpointManager(tmp_path).load(5), snapshot(5))


def test_a_write_under_way_gives_the_values_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    shot, expected = snapshot(3), snapshot(3)
    with CheckpointManager(tmp_path) as checkpoints:
        checkpoints.save(shot)
        assert gate.reached.wait(60)
        for value in shot.tensors.values():
            value.fill_(torch.nan)
        gate.opened.set()
        assert same(checkpoints.latest(silent), expected)


def test_one_write_is_under_way_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with CheckpointManager(tmp_path) as checkpoints:
        checkpoints.save(snapshot(1))
        assert gate.reached.wait(60)
        threading.Timer(0.05, gate.opened.set).start()
        checkpoints.save(snapshot(2))  # returns only once the first is written
        assert gate.written[0] == 1
        assert place(tmp_path, 1).is_dir()
    assert gate.written == [1, 2]


def test_memory_stays_at_one_copy(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path) as checkpoints:
        buffers = set()
        for step in range(4):
            checkpoints.save(snapshot(step), wait=True)
            buffers.add(tuple(value.data_ptr() for value in checkpoints._copies._buffers.values()))
    assert len(buffers) == 1


def test_the_error_of_a_write_is_raised_by_the_next_call_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    with CheckpointManager(tmp_path) as checkpoints:
        checkpoints.save(snapshot(1), wait=True)
        with monkeypatch.context() as broken:
            broken.setattr(manager, "write_checkpoint", full)
            checkpoints.save(snapshot(2))
            with pytest.raises(Unavailable, match="step 2 could not be written") as told:
                checkpoints.save(snapshot(3))
        assert "(No space left on device)" in told.value.message
        assert str(tmp_path) not in told.value.message
        assert same(checkpoints.latest(silent), snapshot(1))
        checkpoints.save(snapshot(3), wait=True)
        assert steps_of(checkpoints) == [1, 3]


def test_closing_raises_the_error_of_the_last_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Path:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(manager, "write_checkpoint", broken)
    checkpoints = CheckpointManager(tmp_path)
    checkpoints.save(snapshot(1))
    with pytest.raises(Unavailable, match="Input/output error"):
        checkpoints.close()
    CheckpointManager(tmp_path).close()  # and has let go of the folder


def test_the_error_of_a_write_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Path:
        raise OSError(5, "Input/output error")

    def train() -> None:
        with CheckpointManager(tmp_path) as checkpoints:
            checkpoints.save(snapshot(1))
            raise ZeroDivisionError

    monkeypatch.setattr(manager, "write_checkpoint", broken)
    with pytest.raises(ZeroDivisionError) as raised:
        train()
    assert "Input/output error" in raised.value.__notes__[0]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path), pytest.raises(Conflict, match=f"pid {os.getpid()}"):
        CheckpointManager(tmp_path)
    CheckpointManager(tmp_path).close()


def test_a_child_that_was_forked_does_not_keep_the_folder(tmp_path: Path) -> None:
    checkpoints = CheckpointManager(tmp_path)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:  # has the lock's file open, too
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    checkpoints.close()
    CheckpointManager(tmp_path).close()
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0


def test_a_step_can_be_saved_again(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path) as checkpoints:
        checkpoints.save(snapshot(1, seed=1))
        checkpoints.save(snapshot(1, seed=2))
        assert same(checkpoints.latest(silent), snapshot(1, seed=2))
    assert hidden(tmp_path) == []


def test_a_damaged_newest_is_passed_over_and_written_again(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path, retention=Retention(keep_last=1)) as checkpoints:
        checkpoints.save(snapshot(1))
        checkpoints.save(snapshot(2), wait=True)
    with CheckpointManager(tmp_path, retention=Retention(keep_last=2)) as checkpoints:
        checkpoints.save(snapshot(3))
        checkpoints.save(snapshot(4), wait=True)
        damage = place(tmp_path, 4) / "tensors-00001.safetensors"
        damage.write_bytes(damage.read_bytes()[:-1] + b"?")
        told: list[str] = []
        assert same(checkpoints.latest(told.append), snapshot(3))
        assert len(told) == 1
        assert told[0].startswith("The checkpoint of step 4 is passed over: tensors-00001.safetensors is not")
        assert steps_of(checkpoints) == [3]
        checkpoints.save(snapshot(4), wait=True)
        assert same(checkpoints.latest(silent), snapshot(4))
        assert steps_of(checkpoints) == [3, 4]


def test_what_is_damaged_is_not_counted_among_those_to_keep(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path, retention=Retention(keep_last=2)) as checkpoints:
        for step in (10, 20):
            checkpoints.save(snapshot(step), wait=True)
        damage = place(tmp_path, 20) / "tensors-00001.safetensors"
        damage.write_bytes(bytes(damage.stat().st_size))
        assert same(checkpoints.latest(lambda _: None), snapshot(10))
        checkpoints.save(snapshot(15), wait=True)
        assert steps_of(checkpoints) == [10, 15]


def test_the_best_by_a_metric(tmp_path: Path) -> None:
    rule = Retention(keep_last=1, best=Best("validation.loss", "min"))
    with CheckpointManager(tmp_path, retention=rule) as checkpoints:
        assert checkpoints.best(silent) is None
        for step, loss in enumerate([3.0, 1.0, 2.0, None, 1.5]):
            checkpoints.save(snapshot(step, loss=loss))
        assert steps_of(checkpoints) == [1, 4]
        assert same(checkpoints.best(silent), snapshot(1, loss=1.0))
        (place(tmp_path, 1) / "checkpoint.json").unlink()
        assert same(checkpoints.best(silent), snapshot(4, loss=1.5))


def test_best_needs_a_metric(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path) as checkpoints, pytest.raises(InvalidArgument, match="names no metric"):
        checkpoints.best(silent)


def test_an_unknown_step_names_those_there_are(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path) as checkpoints:
        checkpoints.save(snapshot(7))
        with pytest.raises(NotFound, match="no checkpoint of step 8; the newest are: 7"):
            checkpoints.load(8)


def test_going_back_forgets_what_came_later(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path, retention=Retention(keep_last=9)) as checkpoints:
        for step in (1, 2, 3, 4):
            checkpoints.save(snapshot(step))
        checkpoints.forget_after(2)
        assert same(checkpoints.latest(silent), snapshot(2))
        assert steps_of(checkpoints) == [1, 2]
        assert hidden(tmp_path) == []


@pytest.mark.parametrize(
    "shot",
    [
        Snapshot(-1, 0.0, {}),
        Snapshot(1, float("nan"), {}),
        Snapshot(1, 0.0, {}, {"loss": float("nan")}),
        Snapshot(1, 0.0, {"": torch.ones(1)}),
        Snapshot(1, 0.0, {"__metadata__": torch.ones(1)}),
        Snapshot(1, 0.0, {"a": torch.ones(2).to_sparse()}),
        Snapshot(1, 0.0, {"a": torch.ones(2, device="meta")}),
        Snapshot(1, 0.0, {"a": torch.ones(2, dtype=torch.complex128)}),
    ],
)
def test_what_cannot_be_kept_is_refused_by_the_call(tmp_path: Path, shot: Snapshot) -> None:
    with CheckpointManager(tmp_path) as checkpoints:
        with pytest.raises(ColonnadeError):
            checkpoints.save(shot)
        assert checkpoints.latest(silent) is None
        checkpoints.save(snapshot(2))
        assert same(checkpoints.latest(silent), snapshot(2))


def test_shards_hold_at_least_a_byte(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="shard_bytes"):
        CheckpointManager(tmp_path, shard_bytes=0)
