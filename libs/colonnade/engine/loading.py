"""Loads in progress: however many ask for a version at once, it is loaded once. For the event loop alone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from colonnade.engine.artefacts import Manifest
from colonnade.engine.runtime import Runtime
from colonnade.engine.seals import Seals


@dataclass(frozen=True, slots=True)
class Progress:
    stage: Literal["verify", "weights", "ready"]
    fraction: float


Tell = Callable[[Progress], None]
Load = Callable[[Manifest, Tell], Awaitable[Runtime]]


@dataclass(eq=False, slots=True)
class _Loading:
    """One load in progress and all who wait for it."""

    task: "asyncio.Task[Runtime]" = field(init=False)
    latest: Progress = Progress("verify", 0.0)
    listeners: "list[asyncio.Queue[Progress | None]]" = field(default_factory=list)

    def tell(self, progress: Progress | None) -> None:
        if progress:
            self.latest = progress
        for listener in self.listeners:
            listener.put_nowait(progress)


class Loads:
    def __init__(self, load: Load, loaded: Callable[[str], bool], seals: Seals) -> None:
        """``load`` takes the version into memory, telling how far it is; ``loaded``: whether that of a digest
        is there."""
        self._load, self._loaded, self._seals = load, loaded, seals
        self._under_way: dict[str, _Loading] = {}

    async def join(self, manifest: Manifest) -> AsyncGenerator[Progress, None]:
        """Begins a load, or joins the one under way, if it takes one; yields up to ``ready``. Checks the seal
        first, also of what is loaded: maybe it was under another name.

        A load goes on when those who asked for it have left. Raises what the load raises."""
        await self._seals.check(manifest)
        if self._loaded(manifest.ref.digest):
            yield Progress("ready", 1.0)
            return
        loading = self._under_way.get(manifest.ref.digest) or self._begin(manifest)
        news: asyncio.Queue[Progress | None] = asyncio.Queue()
        loading.listeners.append(news)
        yield loading.latest
        while (progress := await news.get()) is not None:
            yield progress
        await asyncio.shield(loading.task)
        yield Progress("ready", 1.0)

    async def close(self) -> None:
        """Ends the loads that are under way."""
        tasks = [loading.task for loading in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, manifest: Manifest) -> _Loading:
        loading = _Loading()
        self._under_way[manifest.ref.digest] = loading

        def end(task: "asyncio.Task[Runtime]") -> None:
            del self._under_way[manifest.ref.digest]
            if not task.cancelled():
                task.exception()  # everyone who waited hears of it; nobody has to
            loading.tell(None)

        loading.task = asyncio.ensure_future(self._load(manifest, loading.tell))
        loading.task.add_done_callback(end)
        return loading
