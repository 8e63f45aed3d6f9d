"""The engines as they are watched: who is there, what each has loaded, how busy each is."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from colonnade.errors import ColonnadeError, DeadlineExceeded
from colonnade.inference.domain import EngineView, Loaded, Stats
from colonnade.inference.metrics import Metrics
from colonnade.inference.ports import Engine
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_FIRST_BACKOFF_SECONDS = 0.1
_SLOW_ANSWERS = 3
"""A busy engine may be late; after this many in a row it counts as gone."""


class Slot:
    """One engine's place in the fleet."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.loading: set[str] = set()
        self.wake = asyncio.Event()
        self._stats: Stats | None = None
        self._own_tokens = 0
        self._foreign_tokens = 0
        self._fresh: dict[str, Loaded] = {}
        """Loaded since the last question about the engine's state was put."""
        self._dropped: set[str] = set()

    @property
    def view(self) -> EngineView:
        tokens = self._own_tokens + self._foreign_tokens
        return EngineView(self.engine.address, self._stats, tokens, frozenset(self.loading))

    def asking(self) -> None:
        """Stats are being asked for: what happens from now on may be newer than the answer."""
        self._fresh.clear()
        self._dropped.clear()

    def answered(self, stats: Stats) -> None:
        """What the engine says, and what has changed since it was asked.

        Another ``instance`` is another process, so that nothing of the former one counts.
        """
        same = self._stats is not None and self._stats.instance == stats.instance
        if same:
            loaded = {digest: kept for digest, kept in stats.loaded.items() if digest not in self._dropped}
            stats = replace(stats, loaded=loaded | self._fresh)
        self._stats = stats
        self._foreign_tokens = max(0, stats.outstanding_tokens - self._own_tokens)

    def lost(self) -> None:
        self._stats = None
        self._foreign_tokens = 0

    def has_loaded(self, loaded: Loaded) -> None:
        self._fresh[loaded.digest] = loaded
        self._dropped.discard(loaded.digest)
        if self._stats:
            self._stats = replace(self._stats, loaded={**self._stats.loaded, loaded.digest: loaded})

    def has_dropped(self, digest: str) -> None:
        self._dropped.add(digest)
        self._fresh.pop(digest, None)
        if self._stats:
            left = {known: loaded for known, loaded in self._stats.loaded.items() if known != digest}
            self._stats = replace(self._stats, loaded=left)

    def has_adapter(self, model: str, adapter: str, *, there: bool) -> Loaded:
        """The version as it is now that the adapter was loaded or is gone."""
        known = self._stats.loaded.get(model) if self._stats else None
        loaded = known or Loaded(model)
        adapters = loaded.adapters | {adapter} if there else loaded.adapters - {adapter}
        loaded = replace(loaded, adapters=adapters)
        if known:
            self.has_loaded(loaded)
        return loaded

    @contextmanager
    def busy(self, tokens: int) -> Iterator[None]:
        self._own_tokens += tokens
        try:
            yield
        finally:
            self._own_tokens -= tokens


class Fleet:
    """Asks every engine how it is, about once an interval; sooner when poked."""

    def __init__(
        self, engines: Sequence[Engine], metrics: Metrics, *, interval: float = 1.0, max_backoff: float = 2.0
    ) -> None:
        self.slots = [Slot(engine) for engine in engines]
        self._metrics = metrics
        self._interval = interval
        self._max_backoff = max_backoff
        self._changed = asyncio.Event()
        self.news = 0
        """Grows whenever an engine was heard of."""

    @property
    def views(self) -> list[EngineView]:
        return [slot.view for slot in self.slots]

    def slot(self, address: str) -> Slot:
        return next(slot for slot in self.slots if slot.engine.address == address)

    def lost(self, slot: Slot) -> None:
        """A call found the engine gone; it is looked for at once."""
        slot.lost()
        self._tell(slot)
        slot.wake.set()

    def poke(self) -> None:
        """Asks all engines now."""
        for slot in self.slots:
            slot.wake.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until the condition holds; it is looked at again whenever an engine was heard of."""
        while not condition():
            await self._changed.wait()

    async def changed(self, since: int) -> None:
        """Returns once ``news`` is not ``since`` any more."""
        await self.until(lambda: self.news != since)

    async def watch(self) -> None:
        """Watches until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for slot in self.slots:
                tasks.create_task(self._watch(slot))

    async def _watch(self, slot: Slot) -> None:
        failures = 0
        while True:
            slot.wake.clear()
            failures = 0 if await self._ask(slot, failures) else failures + 1
            self._tell(slot)
            pause = self._interval
            if failures:
                pause = min(self._max_backoff, _FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 16))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(slot.wake.wait(), pause)

    async def _ask(self, slot: Slot, failures: int) -> bool:
        before = slot.view
        slot.asking()
        try:
            slot.answered(await slot.engine.stats())
        except ColonnadeError as error:
            late = isinstance(error, DeadlineExceeded) and failures + 1 < _SLOW_ANSWERS
            if before.stats and not late:
                _LOG.warning("engine lost", engine=slot.engine.address, code=error.code)
            if not late:
                slot.lost()
            return False
        except Exception:
            _LOG.exception("engine not understood", engine=slot.engine.address)
            slot.lost()
            return False
        if before.run != slot.view.run:
            _LOG.info("engine found", engine=slot.engine.address, instance=slot.view.run[1])
        return True

    def _tell(self, slot: Slot) -> None:
        self._metrics.engine_up(slot.engine.address, slot.view.ready)
        self.news += 1
        # Everyone who waits now is woken; those who come later wait for the next time.
        self._changed.set()
        self._changed = asyncio.Event()
