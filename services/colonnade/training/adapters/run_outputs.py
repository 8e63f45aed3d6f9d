"""What workers left in their jobs' folders, read as a stranger's: nothing but regular files, no links."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from colonnade.errors import InvalidArgument, NotFound
from colonnade.security.inputs.paths import ARTEFACT_SUFFIXES
from colonnade.storage.blobs import digest_of_file
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.publishing.ports import File

_MOST_RESULT_BYTES = 16 * 1024**2
_PIECE_BYTES = 1024 * 1024
_MOST_FILES = 1000


class RunOutputs:
    """Implements ``publishing.ports.Outputs``. ``jobs`` is the folder of all jobs' folders."""

    def __init__(self, jobs: Path) -> None:
        self._jobs = jobs

    async def result(self, job_id: str) -> Mapping[str, Any]:
        return await asyncio.to_thread(_result, JobFolder.of(self._jobs, job_id).run / "result.json")

    async def files(self, job_id: str, *, adapter: bool) -> Sequence[File]:
        return await asyncio.to_thread(_files, self._folder(job_id, adapter))

    async def read(
        self, job_id: str, path: str, offset: int, *, adapter: bool
    ) -> AsyncGenerator[bytes, None]:
        with await asyncio.to_thread(_opened, self._folder(job_id, adapter) / path) as file:
            file.seek(offset)
            while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                yield piece

    def _folder(self, job_id: str, adapter: bool) -> Path:
        return JobFolder.of(self._jobs, job_id).run / ("adapter" if adapter else "model")


def _result(path: Path) -> Mapping[str, Any]:
    with _opened(path) as file:
        content = file.read(_MOST_RESULT_BYTES + 1)
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InvalidArgument("the run's result.json is damaged; retry the job")
    return said


def _files(folder: Path) -> Sequence[File]:
    if not folder.is_dir() or folder.is_symlink():
        raise NotFound(f"the run left no {folder.name}/; resume the job to have it written")
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in ARTEFACT_SUFFIXES or path.name.startswith("."):
            continue
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
        if size:
            found.append(File(path.relative_to(folder).as_posix(), size, digest_of_file(path)))
        if len(found) > _MOST_FILES:
            raise InvalidArgument(f"the run left more than {_MOST_FILES} files", limit=_MOST_FILES)
    return found


def _opened(path: Path) -> BinaryIO:
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except FileNotFoundError:
        raise NotFound(f"the run left no {path.name}; resume the job to have it written") from None
    except OSError as error:
        raise InvalidArgument(f"{path.name} of the run cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InvalidArgument(f"{path.name} of the run is no regular file")
    return file
