"""Files by the SHA-256 of their content: written once, never changed, the same bytes kept once.

``BlobStore`` is the port; ``LocalBlobStore`` keeps ``<root>/sha256/ab/abcdef...``. A blob appears under its
digest complete or not at all, and is on the disk before ``put_*`` returns.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import re
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from colonnade.errors import InvalidArgument, NotFound, TooLarge, Unavailable

MAX_BLOB_BYTES = 512 * 1024**3
_CHUNK_BYTES = 4 * 1024**2
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Blob:
    """``digest`` is ``sha256:<64 hex>``."""

    digest: str
    size_bytes: int


class BlobStore(Protocol):
    """Every method that takes a digest raises ``InvalidArgument`` for a malformed one."""

    async def put_file(self, source: Path, *, move: bool = False) -> Blob:
        """Keeps the content of ``source``. ``move`` gives the file away: it is gone afterwards.

        Nobody may write to a file that is being moved in. Raises ``TooLarge`` past the store's limit and
        ``Unavailable`` where the store is full.
        """
        ...

    async def put_bytes(self, content: bytes) -> Blob: ...

    async def open_path(self, digest: str) -> Path:
        """A local file with the content, for reading only, not verified. ``NotFound`` if there is none."""
        ...

    async def exists(self, digest: str) -> bool: ...

    async def delete(self, digest: str) -> bool:
        """Whether there was such a blob. Whoever has it open keeps reading it."""
        ...

    async def verify(self, digest: str) -> bool:
        """Whether the content kept under ``digest`` still has it. ``NotFound`` if there is none."""
        ...


class LocalBlobStore:
    """Blobs in a folder of this machine. Safe with several writers; only its owner can read it."""

    def __init__(self, root: Path, *, max_blob_bytes: int = MAX_BLOB_BYTES) -> None:
        self._root = root
        self._aside = root / "tmp"
        self._max_bytes = max_blob_bytes

    async def put_file(self, source: Path, *, move: bool = False) -> Blob:
        return await asyncio.to_thread(self._put_moved if move else self._put_copy, source)

    async def put_bytes(self, content: bytes) -> Blob:
        return await asyncio.to_thread(self._put, (content,))

    async def open_path(self, digest: str) -> Path:
        return await asyncio.to_thread(self._find, digest)

    async def exists(self, digest: str) -> bool:
        path = self._path(digest)
        return await asyncio.to_thread(_is_file, path)

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
            return self._put(_chunks(file))

    def _put(self, chunks: Iterable[bytes]) -> Blob:
        """Hashes while it writes, so that the digest is that of the very bytes that were kept."""
        hasher, size = hashlib.sha256(), 0
        with _full_disk_named(), self._draft() as (draft, file):
            for chunk in chunks:
                size += len(chunk)
                self._check_size(size)
                hasher.update(chunk)
                file.write(chunk)
            file.flush()
            return self._commit(file, draft, hasher.hexdigest(), size)

    def _put_moved(self, source: Path) -> Blob:
        """As ``_put`` without the copy, where the file has no other name and is on the same file system."""
        found = source.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            self._check_size(found.st_size)
            try:
                with source.open("rb") as file:
                    return self._commit(file, source, hexadecimal_of(digest_of(file)), found.st_size)
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
        _sync_folder(path.parent)
        _sync_folder(path.parent.parent)  # another writer may have made the folder a moment ago
        return blob

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise TooLarge(
                f"a file of the model is larger than the blob store takes ({self._max_bytes} bytes); "
                "split it into shards",
                limit=self._max_bytes,
            )

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


def hexadecimal_of(digest: str) -> str:
    """The 64 digits of ``sha256:<64 hex>``; ``InvalidArgument`` for anything else."""
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise InvalidArgument("a digest is sha256: and 64 lower-case hexadecimal digits", field="digest")
    return match[1]


def digest_of(file: BinaryIO) -> str:
    """``sha256:<64 hex>`` of what is left to read, in bounded memory."""
    hasher = hashlib.sha256()
    for chunk in _chunks(file):
        hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK_BYTES), b"")


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
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink(path: Path) -> bool:
    if not _is_file(path):
        return False
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _unlink_if_abandoned(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return True
    except (BlockingIOError, FileNotFoundError):
        return False


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("the blob store's disk is full; free some space and try again") from error
