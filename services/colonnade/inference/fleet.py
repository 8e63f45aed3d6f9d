"""The engines as they are watched: who is there, what each has loaded, how busy each is."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from colonnade.errors import ColonnadeError, DeadlineExceeded, backoff
from colonnade.inference.domain import EngineView
from colonnade.inference.metrics import Metrics
from colonnade.inference.ports import Engine
from colonnade.inference.slot import Slot
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_FIRST_BACKOFF_SECONDS = 0.1
_SLOW_ANSWERS = 3
"""A busy engine may be late; after this many in a row it counts as gone."""


class Fleet:
    """Asks every engine how it is, about once an interval; sooner when poked. Engines come and go."""

    def __init__(
        self, engines: Sequence[Engine], metrics: Metrics, *, interval: float = 1.0, max_backoff: float = 2.0
    ) -> None:
        self.slots: list[Slot] = []
        self._arrivals: asyncio.Queue[Slot] = asyncio.Queue()
        self._metrics = metrics
        self._interval = interval
        self._max_backoff = max_backoff
        self._changed = asyncio.Event()
        self.news = 0
        """Grows whenever an engine was heard of."""
        for engine in engines:
            self.join(engine)

    @property
    def views(self) -> list[EngineView]:
        return [slot.view for slot in self.slots]

    def __contains__(self, address: str) -> bool:
        return any(slot.engine.address == address for slot in self.slots)

    def slot(self, address: str) -> Slot:
        return next(slot for slot in self.slots if slot.engine.address == address)

    def join(self, engine: Engine) -> None:
        """One more, whose address no other has. It gets requests once it has answered."""
        slot = Slot(engine)
        self.slots.append(slot)
        self._arrivals.put_nowait(slot)

    def leave(self, address: str) -> None:
        """One less. What runs there goes on; the connection is closed after the last of it."""
        slot = self.slot(address)
        self.slots.remove(slot)
        slot.left = True
        slot.wake.set()
        self._metrics.engine_left(address)
        self._news()

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
            while True:
                tasks.create_task(self._watch(await self._arrivals.get()))

    async def close(self) -> None:
        """Closes the connections."""
        for slot in self.slots:
            await slot.engine.close()

    async def _watch(self, slot: Slot) -> None:
        failures = 0
        while not slot.left:
            slot.wake.clear()
            failures = 0 if await self._ask(slot, failures) else failures + 1
            self._tell(slot)
            pause = self._interval
            if failures:
                pause = backoff(failures, first=_FIRST_BACKOFF_SECONDS, longest=self._max_backoff)
            if slot.left:
                break  # while it was asked: nobody wakes us again
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(slot.wake.wait(), pause)
        await slot.quiet()
        await slot.engine.close()

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
        if slot.left:
            return
        self._metrics.engine_up(slot.engine.address, slot.view.ready)
        self._news()

    def _news(self) -> None:
        self.news += 1
        # Everyone who waits now is woken; those who come later wait for the next time.
        self._changed.set()
        self._changed = asyncio.Event()
