"""Blobs in a folder of this machine: ``<root>/sha256/ab/abcdef...``.

A blob appears under its digest complete or not at all, and is on the disk before ``put_*`` returns.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import stat
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

from colonnade.errors import Conflict, NotFound
from colonnade.storage.blobs.port import (
    CHUNK_BYTES,
    MAX_BLOB_BYTES,
    Blob,
    check_size,
    chunks_of,
    digest_of,
    hexadecimal_of,
)
from colonnade.storage.disk import full_disk_named, sync_folder


class LocalBlobStore:
    """Blobs in a folder of this machine. Safe with several writers; only its owner can read it."""

    def __init__(self, root: Path, *, max_blob_bytes: int = MAX_BLOB_BYTES) -> None:
        self._root = root
        self._aside = root / "tmp"
        self._max_bytes = max_blob_bytes

    async def check(self) -> None:
        """A folder that is not there yet is made when it is written to."""

    async def put_file(self, source: Path, *, move: bool = False, digest: str = "") -> Blob:
        if move:
            return await asyncio.to_thread(self._put_moved, source, digest)
        return await asyncio.to_thread(self._put_copy, source)

    async def put_bytes(self, content: bytes) -> Blob:
        return await asyncio.to_thread(self._put, (content,))

    async def open_path(self, digest: str) -> Path:
        return await asyncio.to_thread(self._find, digest)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        yield  # what is here stays

    async def read(self, digest: str, start: int = 0, size: int | None = None) -> AsyncGenerator[bytes, None]:
        with (await asyncio.to_thread(self._find, digest)).open("rb") as file:
            file.seek(start)
            left = os.fstat(file.fileno()).st_size - start
            left = left if size is None else min(left, size)
            while left > 0 and (chunk := await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    async def digests(self) -> AsyncGenerator[str, None]:
        for path in await asyncio.to_thread(lambda: list(self._root.glob("sha256/*/*"))):
            yield f"sha256:{path.name}"

    async def exists(self, digest: str) -> bool:
        path = self._path(digest)
        return await asyncio.to_thread(_is_file, path)

    async def size(self, digest: str) -> int | None:
        path = self._path(digest)
        return await asyncio.to_thread(lambda: path.lstat().st_size if _is_file(path) else None)

    async def delete(self, digest: str) -> bool:
        path = self._path(digest)
        return await asyncio.to_thread(_unlink, path)

    async def verify(self, digest: str) -> bool:
        def check() -> bool:
            with self._find(digest).open("rb") as file:
                return digest_of(file) == digest

        return await asyncio.to_thread(check)

    async def sweep(self) -> int:
        """Removes what dead writers left unfinished; returns how many files. Live writers are left alone."""
        return await asyncio.to_thread(self._sweep)

    def keep(self, digest: str, chunks: Iterable[bytes]) -> Path:
        """What comes from elsewhere, if it is what its digest says; else ``Conflict``, and nothing stays."""
        self._put(chunks, expected=digest)
        return self._path(digest)

    def _path(self, digest: str) -> Path:
        hexadecimal = hexadecimal_of(digest)
        return self._root / "sha256" / hexadecimal[:2] / hexadecimal

    def _find(self, digest: str) -> Path:
        path = self._path(digest)
        if not _is_file(path):
            raise NotFound(f"there is no blob {digest}", digest=digest)
        return path

    def _put_copy(self, source: Path) -> Blob:
        if not source.is_file():
            raise NotFound("the file to be stored is not there, or is not a file")
        with source.open("rb") as file:
            return self._put(chunks_of(file))

    def _put(self, chunks: Iterable[bytes], expected: str = "") -> Blob:
        """Hashes while it writes, so that the digest is that of the very bytes that were kept."""
        hasher, size = hashlib.sha256(), 0
        with full_disk_named("the blob store's", "free some space"), self._draft() as (draft, file):
            for chunk in chunks:
                size += len(chunk)
                check_size(size, self._max_bytes)
                hasher.update(chunk)
                file.write(chunk)
            if expected and hasher.hexdigest() != hexadecimal_of(expected):
                raise Conflict(f"what was kept as {expected} is something else", digest=expected)
            file.flush()
            return self._commit(file, draft, hasher.hexdigest(), size)

    def _put_moved(self, source: Path, digest: str) -> Blob:
        """As ``_put`` without the copy, where the file has no other name and is on the same file system."""
        found = source.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            check_size(found.st_size, self._max_bytes)
            try:
                with source.open("rb") as file:
                    return self._commit(
                        file, source, hexadecimal_of(digest or digest_of(file)), found.st_size
                    )
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
        blob = self._put_copy(source)
        source.unlink()
        return blob

    def _commit(self, file: BinaryIO, draft: Path, hexadecimal: str, size: int) -> Blob:
        """Content to disk, then the name, then the folder. Replacing an equal blob heals a damaged one."""
        blob = Blob(f"sha256:{hexadecimal}", size)
        path = self._path(blob.digest)
        _make_folder(path.parent)
        os.fchmod(file.fileno(), 0o400)
        os.fsync(file.fileno())
        draft.rename(path)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)  # another writer may have made the folder a moment ago
        return blob

    @contextmanager
    def _draft(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A new file aside, locked while its writer lives."""
        _make_folder(self._aside)
        while True:
            path = self._aside / uuid.uuid4().hex
            with path.open("xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file.fileno()).st_nlink == 0:
                    continue  # swept between its creation and its lock
                try:
                    yield path, file
                finally:
                    path.unlink(missing_ok=True)
                return

    def _sweep(self) -> int:
        return sum(_unlink_if_abandoned(path) for path in self._aside.glob("*"))


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)  # a link is not something this store made
    except FileNotFoundError:
        return False


def _make_folder(path: Path) -> None:
    """With its parents, each entry on the disk before anything is put below it."""
    if path.is_dir():
        return
    if not path.parent.is_dir():
        _make_folder(path.parent)
    path.mkdir(exist_ok=True, mode=0o700)
    sync_folder(path.parent)


def _unlink(path: Path) -> bool:
    if not _is_file(path):
        return False
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def _unlink_if_abandoned(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return True
    except (BlockingIOError, FileNotFoundError):
        return False
