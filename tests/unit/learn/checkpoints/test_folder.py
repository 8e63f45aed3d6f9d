"""What a checkpoint is once it was written: every bit back, or a sentence that says what is wrong with it."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.learn.checkpoints import CheckpointManager, Snapshot, catalogue
from colonnade.learn.checkpoints.compatibility import DOCUMENT, FORMAT
from colonnade.learn.checkpoints.folder import (
    folder_name,
    read_checkpoint,
    remove_checkpoint,
    step_of,
    sweep,
)
from colonnade.learn.checkpoints.shard import DTYPES
from tests.unit.learn.checkpoints.making import hidden, place, same, same_tensors, snapshot

_SHARD = "tensors-00001.safetensors"


def saved(root: Path, shot: Snapshot, **options: Any) -> Path:
    with CheckpointManager(root, **options) as checkpoints:
        checkpoints.save(shot)
    return place(root, shot.step)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Of any dtype, shape and strides, with any bits."""
    dtype = draw(st.sampled_from(list(DTYPES)))
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    most = 2 if dtype == torch.bool else 256
    width = torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, most, (*shape, width), generator=generator, dtype=torch.uint8)
    value = raw.view(dtype).squeeze(-1) if raw.numel() else torch.empty(shape, dtype=dtype)
    if value.dim() >= 2 and draw(st.booleans()):
        value = value.transpose(0, -1)
    if value.dim() and value.shape[0] > 1 and draw(st.booleans()):
        value = value[::2]
    return value


@settings(max_examples=60)
@given(st.dictionaries(st.text("abc/.", min_size=1, max_size=6), tensors(), max_size=6), st.integers(1, 200))
def test_every_dtype_and_layout_comes_back(
    tmp_path_factory: pytest.TempPathFactory, given_: dict[str, Tensor], shard_bytes: int
) -> None:
    root = tmp_path_factory.mktemp("run")
    shot = Snapshot(1, 0.0, given_)
    folder = saved(root, shot, shard_bytes=shard_bytes)
    found = read_checkpoint(folder)
    assert same_tensors({name: found.tensors[name] for name in given_}, given_)
    assert found.tensors.keys() == given_.keys()


def test_tied_tensors_are_tied_again(tmp_path: Path) -> None:
    weight = torch.randn(4, 4)
    shot = Snapshot(1, 0.0, {"model/a": weight, "model/b": weight, "model/c": weight.clone()})
    found = read_checkpoint(saved(tmp_path, shot)).tensors
    assert found["model/a"] is found["model/b"]
    assert found["model/c"] is not found["model/a"]


def test_a_snapshot_without_tensors(tmp_path: Path) -> None:
    assert same(read_checkpoint(saved(tmp_path, Snapshot(0, 0.0, {}))), Snapshot(0, 0.0, {}))


def test_shards_of_a_stated_size(tmp_path: Path) -> None:
    folder = saved(tmp_path, snapshot(1, size=25), shard_bytes=200)
    assert len(list(folder.glob("tensors-*.safetensors"))) == 2
    assert same(read_checkpoint(folder), snapshot(1, size=25))


def test_a_folder_says_its_step() -> None:
    assert folder_name(100) == "step-00000100"
    assert step_of("step-00000100") == 100
    assert step_of(folder_name(1_234_567_890)) == 1_234_567_890
    for other in ("step-100", "step-000000100", ".step-00000100.partial", "step-0000010x", "step--0000100"):
        assert step_of(other) is None


def _flip(folder: Path) -> None:
    content = bytearray((folder / _SHARD).read_bytes())
    content[-1] ^= 1
    (folder / _SHARD).write_bytes(content)


def _truncate(folder: Path) -> None:
    os.truncate(folder / _SHARD, 100)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _say(folder: Path, **changes: object) -> None:
    said = json.loads((folder / DOCUMENT).read_text())
    (folder / DOCUMENT).write_text(json.dumps(said | changes))


def _swap(folder: Path) -> None:
    shutil.copyfile(place(folder.parent, 1) / _SHARD, folder / _SHARD)


def _link(folder: Path) -> None:
    (folder / _SHARD).rename(folder.parent / "elsewhere")
    (folder / _SHARD).symlink_to(folder.parent / "elsewhere")


def _renamed(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(place(folder.parent, 1), folder)


def _replaced(folder: Path, name: str, make: Callable[[Path], object]) -> None:
    (folder / name).unlink()
    make(folder / name)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit": (_flip, f"{_SHARD} is not what was written: its digest differs"),
    "truncated": (_truncate, f"{_SHARD} has 100 bytes instead of"),
    "missing": (lambda folder: (folder / _SHARD).unlink(), f"the file {_SHARD} is missing"),
    "no document": (lambda folder: (folder / DOCUMENT).unlink(), "the file checkpoint.json is missing"),
    "empty": (_empty, "checkpoint.json is missing"),
    "foreign": (
        lambda folder: (folder / "notes.txt").touch(),
        "files in it that are not its own: 'notes.txt'",
    ),
    "nonsense": (lambda folder: (folder / DOCUMENT).write_text("{]"), "not valid JSON"),
    "no text": (lambda folder: (folder / DOCUMENT).write_bytes(b"\xff\xfe"), "not valid UTF-8"),
    "a list": (lambda folder: (folder / DOCUMENT).write_text("[1]"), "must be a JSON object"),
    "blank": (lambda folder: (folder / DOCUMENT).write_text(""), "not valid JSON"),
    "later": (lambda folder: _say(folder, format=FORMAT + 1), "a newer colonnade wrote it"),
    "fact": (lambda folder: _say(folder, facts={}), "checkpoint.json is not what was written"),
    "of another": (_swap, f"{_SHARD} is not what was written"),
    "a link": (_link, f"{_SHARD} has"),
    "copied": (_renamed, "its checkpoint.json is of step 1"),
    "folder": (lambda folder: _replaced(folder, DOCUMENT, Path.mkdir), "must be a regular file"),
    "pipe": (lambda folder: _replaced(folder, DOCUMENT, os.mkfifo), "must be a regular file"),
    "loop": (
        lambda folder: _replaced(folder, DOCUMENT, lambda path: path.symlink_to(path)),
        "it cannot be read (Too many levels of symbolic links)",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_passed_over_with_a_sentence(tmp_path: Path, damage: str) -> None:
    with CheckpointManager(tmp_path) as checkpoints:
        checkpoints.save(snapshot(1))
        checkpoints.save(snapshot(2))
    do, sentence = DAMAGE[damage]
    do(place(tmp_path, 2))
    told: list[str] = []
    with CheckpointManager(tmp_path) as checkpoints:
        assert same(checkpoints.latest(told.append), snapshot(1))
    assert len(told) == 1
    assert told[0].startswith("The checkpoint of step 2 is passed over: ")
    assert sentence in told[0]
    assert str(tmp_path) not in told[0]


def test_a_file_in_the_place_of_a_checkpoint_is_passed_over(tmp_path: Path) -> None:
    saved(tmp_path, snapshot(1))
    place(tmp_path, 2).touch()
    told: list[str] = []
    assert same(catalogue.newest(tmp_path, told.append), snapshot(1))
    assert told == ["The checkpoint of step 2 is passed over: it cannot be read (Not a directory)."]


def test_where_all_are_damaged_there_is_none(tmp_path: Path) -> None:
    with CheckpointManager(tmp_path) as checkpoints:
        for step in (1, 2):
            checkpoints.save(snapshot(step), wait=True)
            _flip(place(tmp_path, step))
        told: list[str] = []
        assert checkpoints.latest(told.append) is None
    assert [line.split(" is ")[0] for line in told] == [f"The checkpoint of step {step}" for step in (2, 1)]


def test_other_things_in_the_folder_are_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "step-1").mkdir()
    folder = saved(tmp_path, snapshot(1))
    assert same(catalogue.newest(tmp_path, pytest.fail), snapshot(1))
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "step-1", ".lock", folder.name}


@settings(max_examples=80)
@given(data=st.data())
def test_any_damage_to_any_file_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Never another snapshot: the newest as it was written, or the one before and a sentence."""
    root = tmp_path_factory.mktemp("run")
    with CheckpointManager(root, shard_bytes=60) as checkpoints:
        checkpoints.save(snapshot(1))
        checkpoints.save(snapshot(2))
    names = sorted(path.name for path in place(root, 2).iterdir())
    path = place(root, 2) / data.draw(st.sampled_from(names))
    content = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    content[start:stop] = data.draw(st.binary(max_size=20))
    path.write_bytes(content)
    told: list[str] = []
    found = catalogue.newest(root, told.append)
    assert same(found, snapshot(1 if told else 2))
    assert len(told) <= 1
    shutil.rmtree(root)


def test_leftovers_of_killed_writes_are_swept(tmp_path: Path) -> None:
    folder = saved(tmp_path, snapshot(1))
    for state in ("partial", "removed", "replaced"):
        shutil.copytree(folder, tmp_path / f".{folder.name}.{state}")
    (tmp_path / ".step-00000009.partial").mkdir()
    (tmp_path / ".step-00000008.partial").touch()
    sweep(tmp_path)
    assert hidden(tmp_path) == []
    assert same(read_checkpoint(folder), snapshot(1))


def test_what_was_being_replaced_has_its_place_again(tmp_path: Path) -> None:
    folder = saved(tmp_path, snapshot(1))
    shutil.copytree(folder, tmp_path / f".{folder.name}.partial")
    folder.rename(tmp_path / f".{folder.name}.replaced")
    with CheckpointManager(tmp_path) as checkpoints:
        assert same(checkpoints.latest(pytest.fail), snapshot(1))
    assert hidden(tmp_path) == []


def test_what_is_being_read_is_not_removed(tmp_path: Path) -> None:
    folder = saved(tmp_path, snapshot(1))
    with (folder / DOCUMENT).open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        assert not remove_checkpoint(folder)
        assert same(read_checkpoint(folder), snapshot(1))
    assert remove_checkpoint(folder)
    assert not folder.exists()
    assert hidden(tmp_path) == []


def test_a_checkpoint_without_its_document_can_be_removed(tmp_path: Path) -> None:
    folder = saved(tmp_path, snapshot(1))
    (folder / DOCUMENT).unlink()
    assert remove_checkpoint(folder)
    assert not folder.exists()


FSYNCS = 6
"""Of three shards, the document, the folder and the one around it."""


def failure(act: Callable[[], None]) -> str:
    try:
        act()
    except Unavailable as error:
        return error.message
    return ""


def test_the_order_in_which_it_goes_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def synced(descriptor: int) -> None:
        done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()).removeprefix(str(tmp_path)))
        fsync(descriptor)

    def renamed(old: Path, new: Path) -> None:
        done.append(f"{old.name} -> {new.name}")
        rename(old, new)

    with CheckpointManager(tmp_path, shard_bytes=60) as checkpoints:
        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "rename", renamed)
        checkpoints.save(snapshot(1), wait=True)
    assert done == [
        *(f"/.step-00000001.partial/tensors-0000{number}.safetensors" for number in (1, 2, 3)),
        "/.step-00000001.partial/checkpoint.json",
        "/.step-00000001.partial",
        ".step-00000001.partial -> step-00000001",
        "",
    ]
    assert len(done) - 1 == FSYNCS


@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir"])
@pytest.mark.parametrize("when", range(6))
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, when: int
) -> None:
    """The call fails at its n-th time: in the middle of a first write, or of one in another's place."""
    with CheckpointManager(tmp_path, shard_bytes=60) as checkpoints:
        checkpoints.save(snapshot(1))
        checkpoints.save(snapshot(2, seed=1), wait=True)
        original, count = getattr(os, call), iter(range(100))

        def failing(*arguments: Any, **named: Any) -> Any:
            if next(count) == when:
                raise OSError(28, "No space left on device")
            return original(*arguments, **named)

        with monkeypatch.context() as full:
            full.setattr(os, call, failing)
            told = failure(lambda: checkpoints.save(snapshot(2, seed=2), wait=True))
        assert bool(told) == (when < next(count))
        assert not told or "step 2 could not be written (No space left on device)" in told
        found = checkpoints.latest(pytest.fail)
        assert found is not None
        assert same(found, snapshot(2, seed=found.facts["seed"]))
        named = call == "fsync" and when == FSYNCS - 1  # all was done but to put the name on the disk
        assert found.facts["seed"] == (1 if told and not named else 2)
        assert same(checkpoints.load(1), snapshot(1))
        checkpoints.save(snapshot(3), wait=True)
        assert same(checkpoints.latest(pytest.fail), snapshot(3))
        assert hidden(tmp_path) == []


def test_nothing_is_read_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ColonnadeError, match="missing"):
        read_checkpoint(tmp_path / "step-00000001")
    assert catalogue.newest(tmp_path / "nowhere", pytest.fail) is None
    assert catalogue.entries(tmp_path / "nowhere") == []
