"""One batch, from wherever it is to its end. Only what the store has counts: a run may die at any point."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, TooLarge
from colonnade.gateway.domain.batches import Batch, BatchError, LeaseLost, Line, LineResult, Status
from colonnade.gateway.ports import BatchStore, FileContents
from colonnade.gateway.service.batches.asking import Asking, Barred
from colonnade.gateway.service.batches.bounds import Bounds
from colonnade.gateway.service.batches.results import Results
from colonnade.gateway.service.batches.validation import Validation, is_blank, line_of
from colonnade.telemetry import get_logger
from colonnade.telemetry.metrics import counter

_LOG = get_logger(__name__)
_UNREADABLE = (NotFound, InvalidArgument, TooLarge)
"""An input file that was right: it is gone now, or the settings allow less than they did."""
_LINES = counter("gateway_batch", "lines", "Lines of batches by what became of them", ("outcome",))


class Why(Enum):
    """A run stops before all lines have their results."""

    CANCELLED = auto()
    EXPIRED = auto()
    BARRED = auto()
    LOST = auto()
    """The batch is another gateway's."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a run works with."""

    store: BatchStore
    contents: FileContents
    asking: Asking
    results: Results
    bounds: Bounds
    now: Callable[[], datetime]


class Run:
    def __init__(self, place: Workplace, batch: Batch, holder: str) -> None:
        self.batch = batch
        self._place = place
        self._holder = holder
        self._turn = asyncio.Lock()
        """Results are written one after another: each counts in the batch's own row."""
        self._why: Why | None = None
        self._errors: tuple[BatchError, ...] = ()
        self._stopped, self._poked = asyncio.Event(), asyncio.Event()
        self._over = False

    async def to_the_end(self) -> None:
        keeping = asyncio.create_task(self._keep())
        try:
            if self.batch.status is Status.VALIDATING:
                await self._validate()
            if self.batch.status is Status.IN_PROGRESS:
                await self._work()
            if not self.batch.finished and self._why is not Why.LOST:
                await self._conclude()
        except LeaseLost:
            _LOG.warning("another gateway has taken a batch over", batch_id=self.batch.id)
        finally:
            self._over = True
            self.poke()
            await keeping

    def poke(self) -> None:
        """Look at once whether the batch is to be cancelled."""
        self._poked.set()

    def _stop(self, why: Why) -> None:
        self._why = self._why or why
        self._stopped.set()

    async def _validate(self) -> None:
        validation = Validation(self.batch.endpoint, self._place.bounds)
        errors: tuple[BatchError, ...]
        try:
            await validation.check(self._blocks())
            errors = tuple(validation.errors)
        except NotFound as error:
            errors = (BatchError.of(error),)
        at = self._place.now()

        def judged(batch: Batch) -> Batch:
            if batch.status is not Status.VALIDATING:
                return batch  # cancelled meanwhile
            return batch.failed(errors, at) if errors else batch.began(validation.lines, at)

        self.batch = await self._changed(judged)

    async def _work(self) -> None:
        """Until all lines have results, or something stops it; what is under way then is given up."""
        left = (self.batch.expires_at - self._place.now()).total_seconds()
        if left <= 0:
            self._stop(Why.EXPIRED)
            return
        working = asyncio.create_task(self._lines())
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            both = {working, stopping}
            await asyncio.wait(both, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            elif not stopping.done():
                self._stop(Why.EXPIRED)
        finally:
            for task in (working, stopping):
                task.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    async def _lines(self) -> None:
        done = await self._place.store.done(self.batch.id)
        free = asyncio.Semaphore(self._place.bounds.lines_at_once)
        try:
            async with asyncio.TaskGroup() as tasks:
                async for line in self._unrun(done):
                    await free.acquire()
                    task = tasks.create_task(self._line(line))
                    task.add_done_callback(lambda _: free.release())
        except* _UNREADABLE as group:
            self._errors = tuple(BatchError.of(error) for error in _leaves(group))
            self._stop(Why.BARRED)

    async def _line(self, line: Line) -> None:
        if self._why is not None:
            return
        try:
            result = await self._place.asking.result(self.batch, line)
            await finished(self._record(result))
        except Barred as error:
            self._errors = (BatchError.of(error.refusal),)
            self._stop(Why.BARRED)
        except LeaseLost:
            self._stop(Why.LOST)

    async def _record(self, result: LineResult) -> None:
        async with self._turn:
            batch = await self._place.store.record(self.batch.id, self._holder, result)
        _LINES.labels("completed" if result.ok else "failed").inc()
        if batch.status is Status.CANCELLING:
            self._stop(Why.CANCELLED)

    async def _conclude(self) -> None:
        """The files, and then the last state with them."""
        if self._why is None and self.batch.status is Status.IN_PROGRESS:
            self.batch = await self._changed(self._finalizing)
        unrun = self._unrun_ids() if self._why is Why.EXPIRED else None
        output, errors = await self._place.results.written(self.batch, unrun)
        at = self._place.now()

        def ended(batch: Batch) -> Batch:
            return self._ended(batch, at, output.id if output else "", errors.id if errors else "")

        files = [each for each in (output, errors) if each is not None]
        self.batch = await self._place.store.finish(self.batch.id, self._holder, ended, files)
        _LOG.info("a batch has ended", batch_id=self.batch.id, status=self.batch.status.value)

    def _finalizing(self, batch: Batch) -> Batch:
        if batch.status is not Status.IN_PROGRESS:
            return batch  # cancelled meanwhile
        return batch.moved(Status.FINALIZING, self._place.now())

    def _ended(self, batch: Batch, at: datetime, output: str, errors: str) -> Batch:
        if batch.status is Status.CANCELLING:
            batch = batch.moved(Status.CANCELLED, at)
        elif self._why is Why.EXPIRED:
            batch = batch.expired(at)
        elif self._why is Why.BARRED:
            batch = batch.failed(self._errors, at)
        else:
            batch = batch.moved(Status.COMPLETED, at)
        return replace(batch, output_file_id=output, error_file_id=errors)

    async def _changed(self, update: Callable[[Batch], Batch]) -> Batch:
        return await self._place.store.change(self.batch.id, update, self._holder)

    def _blocks(self) -> AsyncGenerator[Sequence[tuple[int, bytes]], None]:
        return self._place.contents.lines(self.batch.input_file_id, self._place.bounds.line_bytes)

    async def _unrun(self, done: frozenset[int]) -> AsyncGenerator[Line, None]:
        """Lines without a result."""
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                for number, raw in block:
                    if number not in done and not is_blank(raw):
                        yield line_of(number, raw, self._place.bounds)

    async def _unrun_ids(self) -> AsyncGenerator[tuple[int, str], None]:
        done = await self._place.store.done(self.batch.id)
        try:
            async for line in self._unrun(done):
                _LINES.labels("expired").inc()
                yield line.number, line.custom_id
        except _UNREADABLE as error:
            _LOG.warning("lines that expired are not told", batch_id=self.batch.id, reason=error.message)

    async def _keep(self) -> None:
        """Renews the lease, and sees whether the batch is to be cancelled."""
        place, lease = self._place, timedelta(seconds=self._place.bounds.lease_seconds)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(place.bounds.renew_seconds):
                    await self._poked.wait()
            self._poked.clear()
            if self._over:
                return
            try:
                batch = await place.store.renew(self.batch.id, self._holder, place.now() + lease)
            except LeaseLost:
                self._stop(Why.LOST)
            except ColonnadeError as error:
                _LOG.warning("a batch's lease was not renewed", reason=error.message)
            else:
                if batch.status is Status.CANCELLING:
                    self._stop(Why.CANCELLED)


def _leaves(group: BaseExceptionGroup[ColonnadeError]) -> Iterator[ColonnadeError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def finished(work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work`` to its end; one who is cancelled meanwhile waits for that."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        task.exception()  # whoever is cancelled does not mind
        raise
