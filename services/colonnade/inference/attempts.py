"""One piece of work on its way to an engine, to another one if that is gone, and to another version."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from colonnade.errors import ColonnadeError
from colonnade.inference.domain import (
    Chunk,
    Loaded,
    Run,
    Work,
    adapter_is_gone,
    engine_cannot,
    engine_failed,
    engine_is_full,
    engine_is_gone,
    version_is_gone,
    version_is_out,
)
from colonnade.inference.domain.health import Trial
from colonnade.inference.placement import Placement
from colonnade.inference.slot import Slot
from colonnade.telemetry import get_logger, span

_LOG = get_logger(__name__)
_T = TypeVar("_T")


class Attempts:
    """A context manager: what is held of an engine is given back at its end."""

    def __init__(self, placement: Placement, work: Work, fallbacks: Sequence[Work] = ()) -> None:
        """``fallbacks`` are tried in turn where no engine can answer with the version before."""
        self._placement = placement
        self._fallbacks = fallbacks
        self.fallback = 0
        """Which of them is on its way, from 1."""
        self._full = False
        """Its engines were full: that is why it was not the version asked for."""
        self._begin(work)
        self._held: Slot | None = None
        self._trial: Trial | None = None
        placement.budget.asked()

    def _begin(self, work: Work) -> None:
        self.work = work
        self._left = self._placement.policy.retries
        self._reloads = 1
        self._tried: set[Run] = set()
        self._slot: Slot | None = None
        """Of the engine that had a part in what happened last."""
        self.run: Run = ("", "")
        """The process of the engine that was chosen."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    async def next(self) -> tuple[Slot, Loaded]:
        """An engine that has the version in memory, and its adapter if one is wanted."""
        self._let_go()
        self._slot = None
        with span("inference.place"):
            slot = await self._placement.chosen(self.work, self._tried)
            self._hold(slot)
            loaded = await self._loaded(slot)
            self._placement.prefixes.served(self.run, self.work.prefix)
            return slot, loaded

    def marked(self, chunk: Chunk) -> Chunk:
        """The first chunk: the engine answers; and it says so where that is another version's."""
        self.well()
        return replace(chunk, fallback=self.fallback, full=self._full) if self.fallback else chunk

    def well(self) -> None:
        """The engine did what it was asked."""
        if self._trial:
            self._trial.ended(True)

    async def until(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """The first ``attempt`` that succeeds. Only for work whose answer comes whole."""
        while True:
            try:
                answer = await attempt()
            except ColonnadeError as error:
                if not self.again(error):
                    raise
            else:
                self.well()
                return answer

    def noted(self, error: ColonnadeError) -> None:
        """Looks for the engine at once where the error says that it is gone, and counts what it failed."""
        if self._slot and self._trial and engine_failed(error):
            self._trial.ended(False)
        # An engine that has come back already, as another process, is not gone.
        if self._slot and engine_is_gone(error) and self._slot.view.run == self.run:
            self._placement.fleet.lost(self._slot)

    def again(self, error: ColonnadeError) -> bool:
        """Whether ``next`` may find a better engine; only ask before anything came of the last one."""
        self.noted(error)
        return self._reloads_after(error) or self._elsewhere_after(error) or self._falls_back_after(error)

    def _hold(self, slot: Slot) -> None:
        slot.take()
        self._held, self.run = slot, slot.view.run
        self._trial = self._placement.health.begin(self.run, self.work.digest)

    def _let_go(self) -> None:
        if self._trial:
            self._trial.ended(None)  # where it is known how it went, this says nothing more
        if self._held:
            self._held.give_back()
        self._held = self._trial = None

    async def _loaded(self, slot: Slot) -> Loaded:
        manifests, loads = self._placement.manifests, self._placement.loads
        work, stats = self.work, slot.view.stats
        loaded = stats.loaded.get(work.digest) if stats else None
        model = None if loaded and loaded.trusts(work.ref) else await manifests.get(work.ref)
        adapter = None if _has_adapter(loaded, work) else await manifests.get(work.adapter_ref)
        self._slot = slot
        if model is not None:
            if loaded is None:
                await self._placement.load_draft(slot)
            loaded = await loads.load(slot, model)
        assert loaded is not None, "it was loaded"
        if adapter is not None and not _has_adapter(loaded, work):
            loaded = await loads.load_adapter(slot, work.digest, adapter)
        return loaded

    def _reloads_after(self, error: ColonnadeError) -> bool:
        """Once, where the engine has dropped what it was to run."""
        if self._slot is None or self._reloads <= 0:
            return False
        if version_is_gone(error):
            self._slot.has_dropped(self.work.digest)
            self._placement.metrics.retried("version_gone")
        elif adapter_is_gone(error):
            self._slot.has_dropped_adapter(self.work.digest, self.work.adapter)
            self._placement.metrics.retried("adapter_gone")
        else:
            return False
        self._reloads -= 1
        return True

    def _elsewhere_after(self, error: ColonnadeError) -> bool:
        """Where another engine may do what this one could not, and few enough are tried again."""
        reason = _reason(error)
        if self._slot is None or reason is None:
            return False
        self._tried.add(self.run)
        self._left -= 1
        if self._left < 0:
            return False
        if engine_cannot(error) and not self._placement.has_others(self._tried):
            return False
        if engine_is_full(error) and not self._placement.has_room_elsewhere(self.work, self._tried):
            return False
        if not self._placement.budget.spend():
            self._placement.metrics.not_retried()
            _LOG.warning("not tried again: too many requests were", engine=self.run[0])
            return False
        self._placement.metrics.retried(reason)
        return True

    def _falls_back_after(self, error: ColonnadeError) -> bool:
        """Where another version may answer instead."""
        if self.fallback >= len(self._fallbacks) or not version_is_out(error):
            return False
        _LOG.warning("fell back", code=error.code, asked=self.work.digest)
        self._placement.metrics.fell_back()
        if not self.fallback:
            self._full = engine_is_full(error)
        self._begin(self._fallbacks[self.fallback])
        self.fallback += 1
        return True


def _has_adapter(loaded: Loaded | None, work: Work) -> bool:
    """Whether the adapter that is wanted, if one is, need not be loaded, nor be shown to the engine."""
    if not work.adapter:
        return True
    return loaded is not None and work.adapter in loaded.adapters and loaded.trusts(work.adapter_ref)


def _reason(error: ColonnadeError) -> str | None:
    """Why another engine may do better; None where none would."""
    if engine_is_gone(error):
        return "engine_gone"
    if engine_is_full(error):
        return "engine_full"
    return "engine_cannot" if engine_cannot(error) else None
