"""Sends what a model is made of from this machine, and goes on where it broke off."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from colonnade.client.draft_calls import Draft, DraftFile, FileToSend
from colonnade.errors import Conflict, DeadlineExceeded, InvalidArgument, NotFound, Unavailable, backoff

PIECE_BYTES = 16 * 1024**2
SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".model", ".jinja", ".md"})
_HASHED_BYTES = 4 * 1024**2
_TRIES = 12
"""That bring nothing further, one after the other."""
_MOST_DRAFTS = 20
"""Of the same content, that were discarded one after the other."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How far it is: ``stage`` is hash or send, the rest is bytes."""

    stage: str
    done: int
    total: int
    path: str


class Sender(Protocol):
    """What is needed of ``SyncDrafts``."""

    def begin(
        self,
        model: str,
        *,
        alias: str | None = None,
        description: str | None = None,
        base: str | None = None,
        source: str | None = None,
        idempotency_key: str | None = None,
    ) -> Draft: ...

    def get(self, model: str, number: int) -> Draft: ...

    def announce(self, model: str, number: int, files: Sequence[FileToSend]) -> list[DraftFile]: ...

    def write(self, model: str, number: int, path: str, offset: int, piece: bytes) -> DraftFile: ...


Show = Callable[[Sent], None]


def pushed(
    drafts: Sender,
    source: str | Path,
    model: str,
    alias: str | None,
    description: str | None,
    base: str | None,
    show: Show | None,
    sleep: Callable[[float], None],
) -> Draft:
    """A draft that has all files. What was pushed before, alike, is that draft."""
    place, told = Path(source).expanduser(), show or (lambda _: None)
    paths = files_of(place)
    files = list(_hashed(paths, told))
    words = json.dumps([alias, description, base, [[file.path, file.digest] for file in files]])
    key = f"push-{hashlib.sha256(words.encode()).hexdigest()}"
    for attempt in range(_MOST_DRAFTS):
        draft = drafts.begin(
            model, alias=alias, description=description, base=base, idempotency_key=f"{key}-{attempt}"
        )
        if draft.state == "discarded":
            continue
        if draft.state in ("open", "failed"):
            _Push(drafts, draft, files, paths, told, sleep).run()
        return drafts.get(model, draft.number)
    raise Conflict("drafts of this content were discarded again and again; push it under another description")


def files_of(source: Path) -> dict[str, Path]:
    """What is sent, by its path in the model: a .gguf file alone, or what a folder has of a model."""
    if source.is_file():
        if source.suffix.lower() != ".gguf":
            raise InvalidArgument("a file to push is a .gguf file; else push the folder", field="source")
        return {source.name: source}
    if not source.is_dir():
        raise NotFound("there is no such file or folder on this machine", field="source")
    found = {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file() and not _hidden(path.relative_to(source))
    }
    if not found:
        raise InvalidArgument(
            f"the folder has nothing that a model is made of: {', '.join(sorted(SUFFIXES))}", field="source"
        )
    return {path: file for path, file in found.items() if file.stat().st_size}


def digest_of(path: Path, told: Callable[[int], None] = lambda _: None) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_HASHED_BYTES):
            hasher.update(piece)
            told(len(piece))
    return f"sha256:{hasher.hexdigest()}"


class _Push:
    """The files of one draft, one after the other."""

    def __init__(
        self,
        drafts: Sender,
        draft: Draft,
        files: Sequence[FileToSend],
        paths: dict[str, Path],
        show: Show,
        sleep: Callable[[float], None],
    ) -> None:
        self._drafts, self._draft, self._files, self._paths = drafts, draft, files, paths
        self._show, self._sleep = show, sleep
        self._total = sum(file.size_bytes for file in files)
        self._failed = 0

    def run(self) -> None:
        there = self._drafts.announce(self._draft.model, self._draft.number, self._files)
        done = 0
        for file in there:
            with self._paths[file.path].open("rb") as content:
                self._send(file, content, done)
            done += file.size_bytes
            self._told(done, file.path)

    def _send(self, file: DraftFile, content: BinaryIO, done: int) -> None:
        offset = file.received
        while offset < file.size_bytes:
            self._told(done + offset, file.path)
            content.seek(offset)
            try:
                after = self._written(file.path, offset, content.read(PIECE_BYTES))
                self._failed = 0
            except (Unavailable, DeadlineExceeded) as broken:
                after = self._asked(file.path, offset, broken)
            offset = after

    def _written(self, path: str, offset: int, piece: bytes) -> int:
        try:
            return self._drafts.write(self._draft.model, self._draft.number, path, offset, piece).received
        except Conflict as refused:
            if not isinstance(refused.details.get("offset"), int):
                raise
            return int(refused.details["offset"])

    def _asked(self, path: str, offset: int, broken: Exception) -> int:
        """Where to go on after a broken connection."""
        self._failed += 1
        if self._failed > _TRIES:
            raise broken
        self._sleep(backoff(self._failed, first=0.2, longest=10.0))
        try:
            draft = self._drafts.get(self._draft.model, self._draft.number)
        except (Unavailable, DeadlineExceeded):
            return offset
        return next(file.received for file in draft.files if file.path == path)

    def _told(self, done: int, path: str) -> None:
        self._show(Sent("send", done, self._total, path))


def _hashed(paths: dict[str, Path], show: Show) -> Iterator[FileToSend]:
    total, done = sum(path.stat().st_size for path in paths.values()), 0
    for name, path in paths.items():

        def told(count: int, name: str = name) -> None:
            nonlocal done
            done += count
            show(Sent("hash", done, total, name))

        yield FileToSend(name, path.stat().st_size, digest_of(path, told))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
