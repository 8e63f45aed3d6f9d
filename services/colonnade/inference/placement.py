"""Puts work on an engine: chooses one, has it load the version if it must, tries another if one is gone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.inference.domain import (
    Loaded,
    Manifest,
    Work,
    adapter_is_gone,
    choose,
    engine_is_gone,
    version_is_gone,
)
from colonnade.inference.fleet import Fleet, Slot
from colonnade.inference.manifests import Manifests
from colonnade.inference.metrics import Metrics
from colonnade.telemetry import get_logger, span

_LOG = get_logger(__name__)
_T = TypeVar("_T")


class Loads:
    """Loads under way. However many requests need a version, an engine is asked once; a load goes on when
    those who wait for it have left, for the next one will want it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tasks: dict[tuple[str, str], asyncio.Task[Loaded]] = {}

    async def load(self, slot: Slot, manifest: Manifest) -> Loaded:
        return await self._once(slot, manifest, lambda: self._load(slot, manifest))

    async def load_adapter(self, slot: Slot, model: str, manifest: Manifest) -> Loaded:
        """The version ``model``, which is there, with the adapter beside it."""

        async def load() -> Loaded:
            await slot.engine.load_adapter(model, manifest)
            return slot.has_adapter(model, manifest.digest, there=True)

        return await self._once(slot, manifest, lambda: self._told(manifest, load))

    async def _once(
        self, slot: Slot, manifest: Manifest, begin: Callable[[], Coroutine[Any, Any, Loaded]]
    ) -> Loaded:
        key = (slot.engine.address, manifest.digest)
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(begin())
            task.add_done_callback(lambda done: self._ended(key, slot, done))
            slot.loading.add(manifest.digest)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Gives up what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _load(self, slot: Slot, manifest: Manifest) -> Loaded:
        loaded = await self._told(manifest, lambda: slot.engine.load(manifest))
        slot.has_loaded(loaded)
        return loaded

    async def _told(self, manifest: Manifest, load: Callable[[], Awaitable[Loaded]]) -> Loaded:
        began, outcome = time.monotonic(), "internal"
        try:
            with span("inference.load", model=manifest.name, version=manifest.version):
                loaded = await load()
            outcome = "ok"
            return loaded
        except ColonnadeError as error:
            outcome = error.code.value
            raise
        finally:
            seconds = time.monotonic() - began
            self._metrics.loaded(seconds, outcome)
            _LOG.info("load ended", model=manifest.name, outcome=outcome, seconds=round(seconds, 3))

    def _ended(self, key: tuple[str, str], slot: Slot, done: asyncio.Task[Loaded]) -> None:
        del self._tasks[key]
        slot.loading.discard(key[1])
        if not done.cancelled():
            done.exception()  # seen, even where all who waited have left


class Placement:
    """Shared by all requests; each makes its own ``Attempts``."""

    def __init__(
        self, fleet: Fleet, manifests: Manifests, metrics: Metrics, *, retries: int, wait_seconds: float
    ) -> None:
        """``wait_seconds`` is how long a request waits where no engine is ready, as after a crash."""
        self.fleet = fleet
        self.manifests = manifests
        self.metrics = metrics
        self.retries = retries
        self.wait_seconds = wait_seconds
        self.loads = Loads(metrics)

    async def chosen(self, work: Work, tried: set[tuple[str, str]]) -> Slot:
        """A ready engine that was not tried; ``Unavailable`` where there is none in time."""

        try:
            async with asyncio.timeout(self.wait_seconds):
                while (view := choose(self.fleet.views, work.digest, work.session, tried)) is None:
                    await self.fleet.changed(self.fleet.news)
        except TimeoutError:
            raise Unavailable(
                "no engine is ready; it may be starting, try again shortly", retry_after_seconds=2
            ) from None
        return self.fleet.slot(view.address)

    async def load_draft(self, slot: Slot) -> None:
        """Loads the version that guesses for the others on this engine, if it wants one. They do without if
        that fails."""
        stats = slot.view.stats
        if stats is None or not stats.draft or stats.draft in stats.loaded:
            return
        try:
            await self.loads.load(slot, await self.manifests.get(stats.draft))
        except ColonnadeError as error:
            _LOG.warning("draft not loaded", digest=stats.draft, code=error.code, reason=error.message)


class Attempts:
    """One piece of work on its way to an engine, and to another one if that is gone."""

    def __init__(self, placement: Placement, work: Work) -> None:
        self._placement = placement
        self._work = work
        self._left = placement.retries
        self._reloads = 1
        self._tried: set[tuple[str, str]] = set()
        self._slot: Slot | None = None
        self.run = ("", "")
        """The process of the engine that was chosen."""

    async def next(self) -> tuple[Slot, Loaded]:
        """An engine that has the version in memory, and its adapter if one is wanted."""
        self._slot = None
        with span("inference.place"):
            slot = await self._placement.chosen(self._work, self._tried)
            self.run, stats = slot.view.run, slot.view.stats
            manifests, loads = self._placement.manifests, self._placement.loads
            digest, wanted = self._work.digest, self._work.adapter
            loaded = stats.loaded.get(digest) if stats else None
            there = not wanted or (loaded is not None and wanted in loaded.adapters)
            model = None if loaded else await manifests.get(digest)
            adapter = None if there else await manifests.get(wanted)
            self._slot = slot
            if loaded is None:
                assert model is not None, "it was asked for"
                await self._placement.load_draft(slot)
                loaded = await loads.load(slot, model)
            if adapter is not None and wanted not in loaded.adapters:
                loaded = await loads.load_adapter(slot, digest, adapter)
            return slot, loaded

    async def until(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """The first ``attempt`` that succeeds. Only for work whose answer comes whole."""
        while True:
            try:
                return await attempt()
            except ColonnadeError as error:
                if not self.again(error):
                    raise

    def noted(self, error: ColonnadeError) -> None:
        """Looks for the engine at once where the error says that it is gone."""
        # An engine that has come back already, as another process, is not gone.
        if self._slot and engine_is_gone(error) and self._slot.view.run == self.run:
            self._placement.fleet.lost(self._slot)

    def again(self, error: ColonnadeError) -> bool:
        """Whether ``next`` may find a better engine; only ask before anything came of the last one."""
        self.noted(error)
        if self._slot is None:
            return False  # no engine had a part in this
        if version_is_gone(error) and self._reloads > 0:
            self._reloads -= 1
            self._slot.has_dropped(self._work.digest)
            self._placement.metrics.retried("version_gone")
            return True
        if adapter_is_gone(error) and self._reloads > 0:
            self._reloads -= 1
            self._slot.has_adapter(self._work.digest, self._work.adapter, there=False)
            self._placement.metrics.retried("adapter_gone")
            return True
        if not engine_is_gone(error):
            return False
        self._tried.add(self.run)
        self._left -= 1
        if self._left < 0:
            return False
        self._placement.metrics.retried("engine_gone")
        return True
