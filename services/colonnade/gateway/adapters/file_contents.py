"""Contents of files in a folder: written aside, brought to the disk, then given their name."""

import asyncio
import hashlib
import os
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from colonnade.errors import NotFound, TooLarge
from colonnade.storage.disk import full_disk_named, sync_folder

_CHUNK = 1024 * 1024
_PART = ".part"


class FolderContents:
    """Only the process's user can read it. Gateways that share a database share the folder too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def write(self, file_id: str, chunks: AsyncIterator[bytes], most_bytes: int) -> tuple[int, str]:
        part = self._folder / f"{uuid.uuid4().hex}{_PART}"
        size, digest = 0, hashlib.sha256()
        try:
            with full_disk_named("the gateway's", "delete files, or try again later"), _created(part) as file:
                async for chunk in chunks:
                    size += len(chunk)
                    _check_size(size, most_bytes)
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_settle, file, part, self._path(file_id))
        finally:
            part.unlink(missing_ok=True)
        return size, digest.hexdigest()

    async def read(self, file_id: str) -> AsyncGenerator[bytes, None]:
        with self._opened(file_id) as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk

    async def lines(self, file_id: str, most_bytes: int) -> AsyncGenerator[Sequence[tuple[int, bytes]], None]:
        number = 0
        with self._opened(file_id) as file:
            while lines := await asyncio.to_thread(_lines, file, most_bytes):
                yield list(enumerate(lines, number + 1))
                number += len(lines)

    async def delete(self, file_id: str) -> None:
        await asyncio.to_thread(self._path(file_id).unlink, missing_ok=True)

    async def stale(self, seconds: float) -> Sequence[str]:
        return await asyncio.to_thread(self._stale, time.time() - seconds)

    def _stale(self, before: float) -> list[str]:
        names = []
        for path in self._folder.iterdir():
            if _written(path) >= before:
                continue
            if path.suffix == _PART:
                path.unlink(missing_ok=True)
            else:
                names.append(path.name)
        return names

    def _path(self, file_id: str) -> Path:
        return self._folder / file_id

    @contextmanager
    def _opened(self, file_id: str) -> Iterator[BinaryIO]:
        try:
            file = self._path(file_id).open("rb")
        except FileNotFoundError:
            raise NotFound(
                f"the contents of {file_id} are not here; gateways that share a database must share their "
                "folder of files (COLONNADE_GATEWAY_FILES_DIR)",
                field="file_id",
            ) from None
        with file:
            yield file


def _lines(file: BinaryIO, most_bytes: int) -> list[bytes]:
    """About a chunk of them."""
    lines: list[bytes] = []
    size = 0
    while size < _CHUNK and (line := file.readline(most_bytes + 1)):
        whole = line
        while len(line) > most_bytes and not line.endswith(b"\n"):
            line = file.readline(most_bytes + 1)  # the rest of what is too long is not kept
        lines.append(whole)
        size += len(whole)
    return lines


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        yield file


def _settle(file: BinaryIO, part: Path, path: Path) -> None:
    """Contents to the disk, then the name, then the folder."""
    file.flush()
    os.fsync(file.fileno())
    part.rename(path)
    sync_folder(path.parent)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _check_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise TooLarge(
            f"a file may have at most {most_bytes} bytes; split it", field="file", limit=most_bytes
        )
