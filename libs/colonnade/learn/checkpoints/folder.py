"""One checkpoint: a folder that appears whole or not at all.

::

    checkpoints/step-00000100/checkpoint.json
                              tensors-00001.safetensors
                              tensors-00002.safetensors

It is written under a hidden name beside its place, every file and then the folder is put on the disk, and it
is renamed; then the name is put on the disk too. Hidden names say what a writer that was killed was about::

    .step-00000100.partial     being written
    .step-00000100.replaced    was there before, and goes once the new one has its place
    .step-00000100.removed     being removed
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from torch import Tensor

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound
from colonnade.learn.checkpoints.compatibility import DOCUMENT, Contents, decode, encode, file_name
from colonnade.learn.checkpoints.copies import Copied
from colonnade.learn.checkpoints.shard import FileFacts, read_shard, shards, write_shard
from colonnade.learn.checkpoints.snapshot import LIMITS, Json, Snapshot
from colonnade.security.inputs import read_bounded
from colonnade.storage.disk import sync_folder

_NAME = re.compile(r"step-\d{8,18}")
_HIDDEN = re.compile(r"\.(step-\d{8,18})\.(partial|replaced|removed)")


def folder_name(step: int) -> str:
    return f"step-{step:08d}"


def step_of(name: str) -> int | None:
    """The step of a checkpoint's folder; None for any other name."""
    if _NAME.fullmatch(name) is None:
        return None
    step = int(name.removeprefix("step-"))
    return step if folder_name(step) == name else None


def write_checkpoint(
    root: Path, step: int, epoch: float, facts: dict[str, Json], copied: Copied, shard_bytes: int
) -> Path:
    """The new folder, in the place of one of the same step; after an ``OSError`` everything is as it was."""
    place = root / folder_name(step)
    draft = _hidden(place, "partial")
    sweep(root)
    try:
        draft.mkdir()
        files: dict[str, FileFacts] = {}
        where: dict[str, str] = {}
        for number, part in enumerate(shards(copied.tensors, shard_bytes), start=1):
            name = file_name(number)
            files[name] = write_shard(draft / name, part)
            where |= dict.fromkeys(part, name)
        _write_document(draft / DOCUMENT, Contents(step, epoch, facts, files, where, copied.shared))
        sync_folder(draft)
        _put_in_place(draft, place)
    except BaseException:
        with suppress(OSError):  # what is left is swept before the next one
            sweep(root)
        raise
    return place


def _write_document(path: Path, contents: Contents) -> None:
    data = encode(contents)
    decode(data)  # what could not be read again is not written
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(draft: Path, place: Path) -> None:
    replaced = _hidden(place, "replaced")
    with _alone(place, wait=True):
        if place.exists():
            place.rename(replaced)
        draft.rename(place)
        sync_folder(place.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def remove_checkpoint(folder: Path) -> bool:
    """False where somebody reads it just now."""
    removed = _hidden(folder, "removed")
    with _alone(folder, wait=False) as alone:
        if not alone:
            return False
        folder.rename(removed)
        sync_folder(folder.parent)
    shutil.rmtree(removed)
    return True


def sweep(root: Path) -> None:
    """Ends what a writer that was killed had begun. Only for the one who holds the run's lock."""
    for path in sorted(root.iterdir()):
        if (match := _HIDDEN.fullmatch(path.name)) is None:
            continue
        place = root / match[1]
        if match[2] == "replaced" and not place.exists():
            path.rename(place)
            sync_folder(root)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def read_checkpoint(folder: Path) -> Snapshot:
    """A whole checkpoint, every byte checked.

    Raises ``NotFound``, ``InvalidArgument`` or ``Unsupported`` with a sentence that says what is wrong."""
    with _reading(folder):
        contents = inspect(folder)
        found: dict[str, Tensor] = {}
        for name, facts in contents.files.items():
            found |= read_shard(folder / name, facts)
    if found.keys() != contents.tensors.keys():
        raise InvalidArgument("its files hold other tensors than it names", field=DOCUMENT)
    shared = {name: found[owner] for name, owner in contents.shared.items()}
    tensors = {name: found[name] for name in contents.tensors} | shared
    return Snapshot(contents.step, contents.epoch, tensors, contents.facts)


def inspect(folder: Path) -> Contents:
    """All but the tensors, whose files are there with the right size; raises as ``read_checkpoint``."""
    contents = decode(read_bounded(folder / DOCUMENT, LIMITS.max_bytes, DOCUMENT))
    if folder.name != folder_name(contents.step):
        raise InvalidArgument(f"its {DOCUMENT} is of step {contents.step}", field="step")
    there = {entry.name for entry in folder.iterdir()}
    for name, facts in contents.files.items():
        if name not in there:
            raise NotFound(f"the file {name} is missing", field=name)
        size = (folder / name).lstat().st_size
        if size != facts.bytes:
            raise InvalidArgument(f"{name} has {size} bytes instead of {facts.bytes}", field=name)
    if foreign := there - contents.files.keys() - {DOCUMENT}:
        shown = ", ".join(sorted(ascii(name[:80]) for name in foreign)[:3])
        raise InvalidArgument(f"there are files in it that are not its own: {shown}", field="files")
    return contents


def reason(error: ColonnadeError | OSError) -> str:
    """What is wrong with a checkpoint, for a sentence."""
    return error.message if isinstance(error, ColonnadeError) else f"it cannot be read ({error.strerror})"


def _hidden(place: Path, state: str) -> Path:
    return place.with_name(f".{place.name}.{state}")


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Nobody replaces or removes it meanwhile. Its document is locked: not all file systems lock folders."""
    path = folder / DOCUMENT
    while True:
        descriptor = _open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_at(descriptor, path):  # else it was replaced while we waited
                yield
                return
        finally:
            os.close(descriptor)


def _open(path: Path, how: int) -> int:
    try:
        return os.open(path, how | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotFound(f"the file {path.name} is missing", field=path.name) from None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _alone(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whether nobody reads it, which then nobody begins to. What has no document cannot be read."""
    descriptor = None
    with suppress(NotFound, OSError):
        descriptor = _open(folder / DOCUMENT, os.O_RDWR)
    if descriptor is None:
        yield True
        return
    try:
        yield _taken(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
