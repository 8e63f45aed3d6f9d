"""Indexes of vectors in files: whole and as they were written, or not there.

A file is named ``<place>-<up to>-<count>-<sha256 of its bytes>.usearch``: all that is known of it is in its
name, and it appears under that name at once, or not at all.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from usearch.index import Index

from colonnade.memory.domain.scope import Scope

_SUFFIX, _DRAFT = ".usearch", ".draft"


@dataclass(frozen=True, slots=True)
class IndexFile:
    path: Path
    place: str
    up_to: int
    """The largest number of a vector that it was made of."""
    count: int
    """How many it was made of."""
    digest: str


def place_of(scope: Scope, model: str) -> str:
    """Says nothing of whose it is, to who only sees names."""
    return hashlib.sha256("\0".join((scope.tenant, scope.subject, model)).encode()).hexdigest()[:32]


def files(folder: Path) -> Iterator[IndexFile]:
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        match path.name.removesuffix(_SUFFIX).split("-"):
            case [place, up_to, count, digest] if up_to.isdecimal() and count.isdecimal():
                yield IndexFile(path, place, int(up_to), int(count), digest)


def clear_drafts(folder: Path) -> None:
    """What a process that was killed has left."""
    for path in folder.glob(f"*{_DRAFT}"):
        path.unlink(missing_ok=True)


def save(index: Index, folder: Path, place: str, up_to: int) -> None:
    """On the disk when this returns; what was there before of the same place is gone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{place}.{secrets.token_hex(8)}{_DRAFT}"
    try:
        index.save(str(draft))
        digest = _synced(draft)
        path = folder / f"{place}-{up_to}-{len(index)}-{digest}{_SUFFIX}"
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    for other in files(folder):
        if other.place == place and other.path != path:
            other.path.unlink(missing_ok=True)
    _sync_folder(folder)


def load(folder: Path, place: str, dimension: int) -> tuple[Index, IndexFile] | None:
    """The newest that is whole; those that are not are removed."""
    for file in sorted(files(folder), key=lambda each: -each.up_to):
        if file.place == place:
            if (index := _read(file, dimension)) is not None:
                return index, file
            file.path.unlink(missing_ok=True)
    return None


def _read(file: IndexFile, dimension: int) -> Index | None:
    with suppress(OSError, RuntimeError, ValueError):
        with file.path.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != file.digest:
                return None
        index = Index.restore(str(file.path))
        if index is not None and index.ndim == dimension and len(index) == file.count:
            return index
    return None


def _synced(path: Path) -> str:
    """The sha256 of a file that is on the disk now, for its owner alone."""
    with path.open("r+b") as file:
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
