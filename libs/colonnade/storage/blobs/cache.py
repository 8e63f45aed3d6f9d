"""Copies of blobs that are elsewhere, in a folder of this machine: engines map files, not objects.

Bounded in bytes; what was asked for longest ago goes first, and never what somebody has open or mapped: that
the kernel knows best, of whichever process. Several processes may share a folder; one at a time fills it.
"""

import fcntl
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from colonnade.errors import TooLarge
from colonnade.storage.blobs.local import LocalBlobStore
from colonnade.storage.blobs.port import hexadecimal_of


class BlobCache:
    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._kept = LocalBlobStore(folder)
        self._most_bytes = most_bytes
        self._holders = 0
        self._descriptors: list[int] = []

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """What is found inside is open in this process, and so in use, until the last holder has left."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                while self._descriptors:
                    os.close(self._descriptors.pop())

    def find(self, digest: str) -> Path | None:
        """Counts as asked for now."""
        path = self._path(digest)
        with self._gate(fcntl.LOCK_SH):  # what is being removed is not found
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                return None
            with suppress(PermissionError):  # of another user, who has let us read it
                os.utime(descriptor)
            if self._holders:
                self._descriptors.append(descriptor)
            else:
                os.close(descriptor)
        return path

    @contextmanager
    def filling(self) -> Iterator[None]:
        """One at a time, whichever process it is in: what two want is fetched once, and the bound holds."""
        with _locked(self._folder / "filling.lock", fcntl.LOCK_EX):
            yield

    def fill(self, digest: str, size: int, chunks: Iterable[bytes]) -> Path:
        """Inside ``filling``. ``Conflict`` where the content is not what the digest says."""
        for draft in (self._folder / "tmp").glob("*"):
            draft.unlink()  # its writer is dead: only one fills at a time
        self._make_room(size)
        self._kept.keep(digest, chunks)
        path = self.find(digest)
        assert path is not None, "only who fills removes"
        return path

    def forget(self, digest: str) -> None:
        with self._gate(fcntl.LOCK_EX):
            self._path(digest).unlink(missing_ok=True)

    async def sweep(self) -> int:
        return await self._kept.sweep()

    def _make_room(self, size: int) -> None:
        with self._gate(fcntl.LOCK_EX):
            found = sorted(self._folder.glob("sha256/*/*"), key=lambda path: path.stat().st_mtime_ns)
            sizes = {path: path.stat().st_size for path in found}
            over = sum(sizes.values()) + size - self._most_bytes
            leaving = [path for path in found if not _in_use(path)] if over > 0 else []
            if over > sum(sizes[path] for path in leaving):
                raise TooLarge(
                    f"the model's files do not fit into the cache of blobs ({self._most_bytes} bytes) beside "
                    "those that are in use; raise COLONNADE_BLOBS_CACHE_BYTES",
                    field="COLONNADE_BLOBS_CACHE_BYTES",
                    limit=self._most_bytes,
                )
            for path in leaving:
                if over <= 0:
                    break
                path.unlink()
                over -= sizes[path]

    def _path(self, digest: str) -> Path:
        hexadecimal = hexadecimal_of(digest)
        return self._folder / "sha256" / hexadecimal[:2] / hexadecimal

    @contextmanager
    def _gate(self, how: int) -> Iterator[None]:
        with _locked(self._folder / "gate.lock", how):
            yield


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _in_use(path: Path) -> bool:
    """Whether anybody has the file open or mapped: then Linux gives nobody else a write lease on it."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False  # elsewhere a file that is removed stays readable to who has it, which is what counts
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Who opens it in this very moment makes the kernel tell us, by SIGIO, which would be our end.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without leases
    else:
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False
    finally:
        os.close(descriptor)
