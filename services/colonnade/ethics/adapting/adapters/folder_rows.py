"""The rows to learn from, a file each, in a folder that the training service's workers read."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from colonnade.errors import Unsupported
from colonnade.storage.disk import full_disk_named, sync_folder

_SETTING = "COLONNADE_ETHICS_ADAPTATIONS_DIR"


class FolderRows:
    """Implements ``ports.Rows``."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def check(self) -> None:
        if self._folder is None:
            raise Unsupported(
                f"this installation adapts nothing: {_SETTING} must name a folder that the training service's"
                " workers read (COLONNADE_TRAINING_READS)",
                field=_SETTING,
            )

    async def write(self, adaptation: str, lines: Sequence[str]) -> str:
        path = self._path(adaptation)
        text = "".join(f"{line}\n" for line in lines)
        await asyncio.to_thread(_written, path, text.encode())
        return str(path)

    async def remove(self, adaptation: str) -> bool:
        if self._folder is None:
            return False
        return await asyncio.to_thread(_removed, self._path(adaptation))

    def _path(self, adaptation: str) -> Path:
        self.check()
        assert self._folder is not None, "it was checked"
        return self._folder / f"{adaptation}.jsonl"


def _written(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    with full_disk_named("the adaptations'", f"make room where {_SETTING} points"):
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)


def _removed(path: Path) -> bool:
    there = path.exists()
    for each in (path, path.with_suffix(".part")):
        each.unlink(missing_ok=True)
    return there
