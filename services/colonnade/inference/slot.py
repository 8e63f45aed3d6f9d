"""One engine's place in the fleet: what is known of it, and who uses it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from colonnade.inference.domain import EngineView, Loaded, Ref, Stats
from colonnade.inference.ports import Engine


class Slot:
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
        self.left = False
        """Gets nothing new; what runs there goes on."""
        self._holders = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

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

    def has_adapter(self, model: str, adapter: Ref) -> Loaded:
        """The version as it is now that the adapter was loaded."""
        known = self._stats.loaded.get(model) if self._stats else None
        loaded = known or Loaded(model)
        sealed = None if loaded.sealed is None else loaded.sealed | {adapter}
        loaded = replace(loaded, adapters=loaded.adapters | {adapter.digest}, sealed=sealed)
        if known:
            self.has_loaded(loaded)
        return loaded

    def has_dropped_adapter(self, model: str, adapter: str) -> None:
        known = self._stats.loaded.get(model) if self._stats else None
        if known:
            self.has_loaded(replace(known, adapters=known.adapters - {adapter}))

    def take(self) -> None:
        """Somebody has a use for it, until ``give_back``."""
        self._holders += 1
        self._quiet.clear()

    def give_back(self) -> None:
        self._holders -= 1
        if not self._holders:
            self._quiet.set()

    async def quiet(self) -> None:
        """Returns when nobody has a use for it."""
        await self._quiet.wait()

    @contextmanager
    def busy(self, tokens: int) -> Iterator[None]:
        self._own_tokens += tokens
        try:
            yield
        finally:
            self._own_tokens -= tokens
