"""Coroutines that are let go on one step at a time, so that a test chooses how they meet."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Coroutine
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from colonnade.errors import NotFound
from colonnade.storage.blobs import Blob

_STEPS: ContextVar["Steps | None"] = ContextVar("steps", default=None)


class Steps:
    """One coroutine. ``at`` says before what it waits."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._go, self._arrived = asyncio.Event(), asyncio.Event()
        self._free = False
        self.at = ""
        token = _STEPS.set(self)
        self.task = asyncio.create_task(work)
        _STEPS.reset(token)

    @property
    def over(self) -> bool:
        return self.task.done()

    async def on(self) -> None:
        """Until it waits again, or is over."""
        self._arrived.clear()
        self._go.set()
        waiting = asyncio.create_task(self._arrived.wait())
        await asyncio.wait([waiting, self.task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async def stop(self) -> None:
        """It waits no more; what it does at its end it does."""
        self._free = True
        self._go.set()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def wait(self, at: str) -> None:
        if self._free:
            return
        self.at = at
        self._arrived.set()
        await self._go.wait()
        self._go.clear()


async def before(what: str) -> None:
    """Where the coroutine that runs waits to be let go on; nothing where nobody steps."""
    if steps := _STEPS.get():
        await steps.wait(what)


class SteppedBlobs:
    """Blobs in memory, as an object store has them: what is there already is not written again."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def check(self) -> None: ...

    async def put_bytes(self, content: bytes) -> Blob:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        there = digest in self.kept
        await before("put")
        if not there:
            self.kept[digest] = content
        return Blob(digest, len(content))

    async def put_file(self, source: Path, *, move: bool = False, digest: str = "") -> Blob:
        return await self.put_bytes(source.read_bytes())

    async def exists(self, digest: str) -> bool:
        return digest in self.kept

    async def size(self, digest: str) -> int | None:
        await before("size")
        return len(self.kept[digest]) if digest in self.kept else None

    async def delete(self, digest: str) -> bool:
        await before("delete")
        return self.kept.pop(digest, None) is not None

    async def digests(self) -> AsyncGenerator[str, None]:
        await before("list")
        for digest in list(self.kept):
            yield digest

    async def open_path(self, digest: str) -> Path:
        raise NotFound(f"there is no file of {digest}")
