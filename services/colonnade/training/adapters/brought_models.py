"""The registry's models in jobs' folders: ``<job>/brought/<field>/``, and ``<field>.complete`` once all of
it is there.

Where the registry's blobs lie on this machine a file is linked; else it is sent, and goes on where it broke
off."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from pathlib import Path

from colonnade.errors import ColonnadeError, Conflict
from colonnade.security.inputs import relative_artefact_path
from colonnade.storage.blobs import BlobStore
from colonnade.storage.disk import full_disk_named, sync_folder
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.domain import ModelVersion
from colonnade.training.publishing.ports import File

_PIECE_BYTES = 4 * 1024**2


class BroughtModels:
    """Implements ``publishing.ports.Models``. ``jobs`` is the folder of all jobs' folders."""

    def __init__(self, jobs: Path, blobs: BlobStore) -> None:
        self._jobs, self._blobs = jobs, blobs

    def folder(self, job_id: str, field: str) -> Path:
        return self._of(job_id) / field

    async def there(self, job_id: str, field: str, version: ModelVersion) -> bool:
        mark = _mark(self.folder(job_id, field))
        try:
            return await asyncio.to_thread(mark.read_text) == version.digest
        except FileNotFoundError:
            return False

    async def linked(self, job_id: str, field: str, file: File) -> bool:
        """Also where it was sent before."""
        target = self._target(job_id, field, file)
        if await asyncio.to_thread(_is_whole, target, file):
            return True
        try:
            async with self._blobs.held():
                return await asyncio.to_thread(_link, await self._blobs.open_path(file.digest), target, file)
        except (ColonnadeError, OSError):  # they lie elsewhere, or are none of ours to read
            return False

    async def received(self, job_id: str, field: str, file: File) -> int:
        partial = _partial(self._target(job_id, field, file))
        try:
            return (await asyncio.to_thread(partial.stat)).st_size
        except FileNotFoundError:
            return 0

    async def append(
        self, job_id: str, field: str, file: File, offset: int, chunks: AsyncIterable[bytes]
    ) -> None:
        target = self._target(job_id, field, file)
        partial = _partial(target)
        with full_disk_named("the jobs folder's", "free some space"):
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
            with await asyncio.to_thread(partial.open, "ab") as content:
                await asyncio.to_thread(content.truncate, offset)
                async for chunk in chunks:
                    await asyncio.to_thread(content.write, chunk)
            await asyncio.to_thread(_settle, partial, target, file)

    async def complete(self, job_id: str, field: str, version: ModelVersion) -> None:
        await asyncio.to_thread(_complete, self.folder(job_id, field), version.digest)

    async def kept(self) -> Sequence[str]:
        found = await asyncio.to_thread(lambda: sorted(self._jobs.glob("job_*/brought")))
        return [path.parent.name for path in found]

    async def take_away(self, job_id: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._of(job_id), ignore_errors=True)

    def _of(self, job_id: str) -> Path:
        return JobFolder.of(self._jobs, job_id).root / "brought"

    def _target(self, job_id: str, field: str, file: File) -> Path:
        return self.folder(job_id, field) / relative_artefact_path(file.path)


def _mark(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.complete")


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _is_whole(target: Path, file: File) -> bool:
    """It gets its name once all of it is there."""
    try:
        return target.lstat().st_size == file.size_bytes
    except FileNotFoundError:
        return False


def _link(blob: Path, target: Path, file: File) -> bool:
    if blob.stat().st_size != file.size_bytes:
        return False
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.link(blob, target)
    return True


def _settle(partial: Path, target: Path, file: File) -> None:
    """Under its name, if it is what its digest says."""
    hasher = hashlib.sha256()
    with partial.open("rb") as content:
        while piece := content.read(_PIECE_BYTES):
            hasher.update(piece)
        os.fsync(content.fileno())
    if f"sha256:{hasher.hexdigest()}" != file.digest:
        partial.unlink()
        raise Conflict(f"{file.path} arrived as something else than the registry says; resume the job")
    partial.replace(target)
    sync_folder(target.parent)


def _complete(folder: Path, digest: str) -> None:
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    draft.write_text(digest)
    draft.replace(_mark(folder))
    sync_folder(folder.parent)
