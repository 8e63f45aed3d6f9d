"""Loads of versions and adapters that are under way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from colonnade.errors import ColonnadeError
from colonnade.inference.domain import Loaded, Manifest, Ref
from colonnade.inference.metrics import Metrics
from colonnade.inference.refusals import Refusals
from colonnade.inference.slot import Slot
from colonnade.telemetry import get_logger, span

_LOG = get_logger(__name__)


class Loads:
    """Loads under way. However many requests need a version, an engine is asked once; a load goes on when
    those who wait for it have left, for the next one will want it."""

    def __init__(
        self, metrics: Metrics, refusals: Refusals | None = None, refused: Callable[[str], None] | None = None
    ) -> None:
        """``refused`` hears the digest of what was found not to be what it should."""
        self._metrics = metrics
        self._refusals = refusals or Refusals()
        self._refused = refused or (lambda _: None)
        self._tasks: dict[tuple[str, Ref], asyncio.Task[Loaded]] = {}

    async def load(self, slot: Slot, manifest: Manifest) -> Loaded:
        return await self._once(slot, manifest, lambda: self._load(slot, manifest))

    async def load_adapter(self, slot: Slot, model: str, manifest: Manifest) -> Loaded:
        """The version ``model``, which is there, with the adapter beside it."""

        async def load() -> Loaded:
            await slot.engine.load_adapter(model, manifest)
            return slot.has_adapter(model, manifest.ref)

        return await self._once(slot, manifest, lambda: self._told(slot, manifest, load))

    async def _once(
        self, slot: Slot, manifest: Manifest, begin: Callable[[], Coroutine[Any, Any, Loaded]]
    ) -> Loaded:
        key = (slot.engine.address, manifest.ref)
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(begin())
            task.add_done_callback(lambda done: self._ended(key, slot, done))
            slot.loading.add(manifest.digest)
            slot.take()
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Gives up what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _load(self, slot: Slot, manifest: Manifest) -> Loaded:
        loaded = await self._told(slot, manifest, lambda: slot.engine.load(manifest))
        slot.has_loaded(loaded)
        return loaded

    async def _told(self, slot: Slot, manifest: Manifest, load: Callable[[], Awaitable[Loaded]]) -> Loaded:
        began, outcome = time.monotonic(), "internal"
        try:
            with span("inference.load", model=manifest.name, version=manifest.version):
                loaded = await load()
            outcome = "ok"
            return loaded
        except ColonnadeError as error:
            outcome = error.code.value
            if await self._refusals.heard(manifest.ref, error, slot.engine.address):
                self._refused(manifest.digest)
            raise
        finally:
            seconds = time.monotonic() - began
            self._metrics.loaded(seconds, outcome)
            _LOG.info("load ended", model=manifest.name, outcome=outcome, seconds=round(seconds, 3))

    def _ended(self, key: tuple[str, Ref], slot: Slot, done: asyncio.Task[Loaded]) -> None:
        del self._tasks[key]
        slot.loading.discard(key[1].digest)
        slot.give_back()
        if not done.cancelled():
            done.exception()  # seen, even where all who waited have left
