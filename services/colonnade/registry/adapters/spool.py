"""Where uploads wait: a folder for each draft. What was received of a file is the size of what is there."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar
from weakref import WeakValueDictionary

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, TooLarge
from colonnade.registry.adapters.file_kinds import check_kind_of
from colonnade.registry.drafts.draft import DraftFile
from colonnade.storage.blobs import BlobStore, digest_of
from colonnade.storage.disk import full_disk_named, sync_folder

_T = TypeVar("_T")
_PART = ".part"
_PATIENCE_SECONDS = 5.0
"""For another upload of the same file to end: a broken connection is not noticed at once."""


class FolderSpool:
    """Implements ``drafts.ports.Spool``. The registry is the only process that writes here."""

    def __init__(self, root: Path, blobs: BlobStore, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._root = root
        self._blobs = blobs
        self._patience = patience_seconds
        self._writing = WeakValueDictionary[Path, asyncio.Lock]()  # those that somebody holds or waits for

    async def received(self, room: str, file: DraftFile) -> int:
        return file.size_bytes if file.held else await asyncio.to_thread(self._received, room, file)

    async def append(self, room: str, file: DraftFile, offset: int, chunks: AsyncIterable[bytes]) -> int:
        async with self._alone(self._path(room, file)):
            received = await self.received(room, file)
            if offset != received:
                raise Conflict(
                    f"there are {received} of {file.size_bytes} bytes of {file.path}; go on from there",
                    field="offset",
                    offset=received,
                )
            if received < file.size_bytes:
                received = await self._appended(room, file, chunks)
            if received == file.size_bytes:
                await _whole(self._finish, room, file)
            return received

    async def forget(self, room: str, file: DraftFile) -> None:
        path = self._path(room, file)
        async with self._alone(path):
            await asyncio.to_thread(_remove, path)

    async def lay(self, room: str, files: Sequence[DraftFile], folder: Path) -> None:
        for file in files:
            if file.held:
                path = await self._blobs.open_path(file.digest)
            else:
                path = self._path(room, file)
                async with self._alone(path):
                    await _whole(self._finish, room, file)
            await asyncio.to_thread(_linked, path, folder / file.path)

    async def discard(self, room: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder(room), ignore_errors=True)

    async def rooms(self) -> set[str]:
        return await asyncio.to_thread(lambda: {folder.name for folder in self._root.glob("*")})

    async def _appended(self, room: str, file: DraftFile, chunks: AsyncIterable[bytes]) -> int:
        """What was written is on the disk when this returns or raises."""
        out = await asyncio.to_thread(self._opened, room, file)
        received = out.tell()
        try:
            async for chunk in chunks:
                received += len(chunk)
                if received > file.size_bytes:
                    raise TooLarge(
                        f"{file.path} was announced with {file.size_bytes} bytes; more came",
                        field="size_bytes",
                        limit=file.size_bytes,
                    )
                await _whole(_write, out, chunk)
        finally:
            await _whole(_close, out)
        return received

    def _received(self, room: str, file: DraftFile) -> int:
        path = self._path(room, file)
        for there in (path, path.with_suffix(_PART), path):  # it may be renamed while we look
            with suppress(FileNotFoundError):
                return there.stat().st_size
        return 0

    def _opened(self, room: str, file: DraftFile) -> BinaryIO:
        folder = self._folder(room)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        out = self._path(room, file).with_suffix(_PART).open("ab", buffering=0)
        sync_folder(folder)
        sync_folder(self._root)
        return out

    def _finish(self, room: str, file: DraftFile) -> None:
        """The whole file under its name, if it is what was announced; else nothing of it.

        A kill may come between the last byte and this: whoever needs the file next finishes it."""
        path = self._path(room, file)
        part = path.with_suffix(_PART)
        if path.exists():
            return
        if self._received(room, file) != file.size_bytes:
            raise Conflict(f"{file.path} is not all there; send the rest", field="path")
        try:
            with part.open("rb") as content:
                if digest_of(content) != file.digest:
                    raise InvalidArgument(
                        f"{file.path} is not what was announced: its digest differs; send it again",
                        field="digest",
                    )
            check_kind_of(part, file.path)
        except ColonnadeError:
            part.unlink()
            raise
        part.rename(path)
        sync_folder(path.parent)

    @asynccontextmanager
    async def _alone(self, path: Path) -> AsyncIterator[None]:
        lock = self._writing.setdefault(path, asyncio.Lock())
        try:
            async with asyncio.timeout(self._patience):
                await lock.acquire()
        except TimeoutError:
            raise Conflict("another upload of this file is under way", field="path") from None
        try:
            yield
        finally:
            lock.release()

    def _folder(self, room: str) -> Path:
        return self._root / room

    def _path(self, room: str, file: DraftFile) -> Path:
        """Under a name of its own: paths of a draft may be such that one is the folder of another."""
        named = f"{file.path}\n{file.size_bytes}\n{file.digest}"
        return self._folder(room) / hashlib.sha256(named.encode()).hexdigest()


async def _whole(work: Callable[..., _T], *arguments: object) -> _T:
    """To its end, even where we are cancelled meanwhile: a thread cannot be stopped, only left behind."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _write(out: BinaryIO, chunk: bytes) -> None:
    with full_disk_named("the registry's", "discard drafts or free some space"):
        view = memoryview(chunk)
        while view:
            view = view[out.write(view) :]


def _close(out: BinaryIO) -> None:
    with out, full_disk_named("the registry's", "discard drafts or free some space"):
        os.fsync(out.fileno())


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(_PART).unlink(missing_ok=True)


def _linked(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, path)
