"""Files of a source, wherever they lie: their names, how they are read, how one tells that they changed."""

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from colonnade.errors import Conflict, InvalidArgument, NotFound

_SAMPLE = 64 << 10


class StoredFile(Protocol):
    @property
    def name(self) -> str:
        """As it is called below the folder that its pattern names: the same on every machine."""
        ...

    @property
    def size(self) -> int: ...

    def open(self) -> BinaryIO:
        """To read and to seek. Raises ``NotFound``, ``Conflict`` where it changed, ``InvalidArgument``
        where it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    name: str = field(compare=False)
    path: Path
    size: int
    source: str

    def open(self) -> BinaryIO:
        with refusals(self.source, self.name):
            file = self.path.open("rb")
        if os.fstat(file.fileno()).st_size != self.size:
            file.close()
            raise changed(self.source, self.name)
        return file


def local_files(source: str, number: int, pattern: str) -> list[LocalFile]:
    """The files of a pattern in a stable order. Raises ``NotFound`` where there is none."""
    found = [
        local_file(source, name, path)
        for name, path in _matches(pattern)
        if path.is_file() and name[-1:] != "/"
    ]
    if not found:
        raise no_match(source, number)
    return found


def local_folders(pattern: str) -> list[tuple[str, Path]]:
    """The folders of a pattern, by name."""
    return [(name, path) for name, path in _matches(pattern) if path.is_dir()]


def local_file(source: str, name: str, path: Path) -> LocalFile:
    with refusals(source, name):
        return LocalFile(name, path, path.stat().st_size, source)


def _matches(pattern: str) -> Iterator[tuple[str, Path]]:
    """In the order of the names' code points, which no locale changes."""
    expanded = Path(pattern).expanduser()
    if expanded.exists():
        yield expanded.name, expanded.resolve()
        return
    root = fixed_part(str(expanded))
    for name in sorted(glob.glob(str(expanded)[len(root) :], root_dir=root or None, recursive=True)):  # noqa: PTH207 - Path.glob takes hidden files too
        yield name, (Path(root) / name).resolve()


def fixed_part(pattern: str) -> str:
    """The folder, with its slash, before the first wildcard."""
    wild = min((at for mark in "*?[" if (at := pattern.find(mark)) >= 0), default=len(pattern))
    return pattern[: pattern.rfind("/", 0, wild) + 1]


def fingerprint_of(files: Sequence[StoredFile]) -> str:
    """Of names, sizes, and 64 KiB at the beginning, the middle and the end of each file."""
    hasher = hashlib.sha256()
    for file in files:
        hasher.update(f"{len(file.name)} {file.name} {file.size}\n".encode("utf-8", "surrogateescape"))
        with file.open() as opened:
            for start in (0, max(0, file.size // 2 - _SAMPLE // 2), max(0, file.size - _SAMPLE)):
                opened.seek(start)
                hasher.update(hashlib.sha256(opened.read(_SAMPLE)).digest())
    return f"sha256:{hasher.hexdigest()}"


def no_match(source: str, number: int) -> NotFound:
    return NotFound(
        f"source {source}: paths[{number}] matches no file; name a file that is there, or a glob such as"
        " corpus/**/*.txt",
        field="paths",
        source=source,
    )


def changed(source: str, file: str) -> Conflict:
    return Conflict(
        f"source {source}: {file} changed while it was being prepared; prepare into a new"
        " folder once it rests",
        source=source,
    )


@contextmanager
def refusals(source: str, file: str) -> Iterator[None]:
    """What goes wrong with a file of a user is a refusal that names it."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"source {source}: {file} is not there any more", source=source) from None
    except OSError as error:
        raise InvalidArgument(
            f"source {source}: {file} cannot be read ({error.strerror or 'it is damaged'}); let this user"
            " read it, or leave it out of the paths",
            field="paths",
            source=source,
        ) from error
