"""Shadow copies: what another version would have answered, beside the answer that is given.

A copy is asked of an engine like any request, but nobody waits for it: it is left out where many run already,
or where its version would have to push another one out of memory; it is not tried again; what it says is
compared and thrown away.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager

from colonnade.errors import ColonnadeError
from colonnade.inference.attempts import Attempts
from colonnade.inference.domain import Chunk, Work, having
from colonnade.inference.placement import Placement
from colonnade.inference.spread import ROOM
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


class Texts:
    """What came of each answer of a request."""

    def __init__(self) -> None:
        self._pieces: dict[int, list[str]] = {}

    def heard(self, chunk: Chunk) -> None:
        self._pieces.setdefault(chunk.index, []).append(chunk.text)

    def whole(self) -> dict[int, str]:
        return {index: "".join(pieces) for index, pieces in self._pieces.items()}


class Given(Texts):
    """The answer that is given, for its copy to be compared with: only where it came to its end."""

    def __init__(self, told: "asyncio.Future[Texts | None]") -> None:
        super().__init__()
        self._told = told

    def complete(self) -> None:
        self._told.set_result(self)


class Shadows:
    def __init__(self, placement: Placement, *, at_once: int) -> None:
        """No more than ``at_once`` copies run together; further ones are dropped."""
        self._placement = placement
        self._metrics = placement.metrics
        self._at_once = at_once
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def beside(self, copy: Work | None) -> Iterator[Given | None]:
        """Runs a copy beside the answer that is given. Never raises, never waits."""
        if copy is None:
            yield None
            return
        told: asyncio.Future[Texts | None] = asyncio.get_running_loop().create_future()
        self._start(copy, told)
        try:
            yield Given(told)
        finally:
            if not told.done():
                told.set_result(None)

    async def close(self) -> None:
        """Gives up those under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Returns when none is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _start(self, copy: Work, told: "asyncio.Future[Texts | None]") -> None:
        if len(self._tasks) >= self._at_once:
            self._metrics.shadowed("busy")
            return
        task = asyncio.create_task(self._run(copy, told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, copy: Work, told: "asyncio.Future[Texts | None]") -> None:
        outcome = "internal"
        try:
            if not await self._fits(copy):
                outcome = "not_loaded"
                return
            texts = await self._answered(copy)
            outcome = "ok"
            if (given := await told) is not None:
                self._metrics.compared(agree=given.whole() == texts.whole())
        except ColonnadeError as error:
            outcome = error.code.value
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception:
            _LOG.exception("shadow copy failed")
        finally:
            self._metrics.shadowed(outcome)

    async def _fits(self, copy: Work) -> bool:
        """Whether it costs nobody else's version its place in memory."""
        views = [view for view in self._placement.fleet.views if view.ready]
        if having(views, copy.digest):
            return True
        size = (await self._placement.manifests.get(copy.ref)).size_bytes
        return any(view.free_bytes >= ROOM * size for view in views)

    async def _answered(self, copy: Work) -> Texts:
        texts, began = Texts(), time.monotonic()
        with Attempts(self._placement, copy) as attempts:
            try:
                slot, _ = await attempts.next()
                with slot.busy(copy.tokens):
                    async with aclosing(slot.engine.submit(copy)) as chunks:
                        async for chunk in chunks:
                            texts.heard(chunk)
                attempts.well()
            except ColonnadeError as error:
                attempts.noted(error)
                raise
        self._metrics.shadow_answered(time.monotonic() - began)
        return texts
