"""Works batches off in the background. Of several gateways one works on a batch, as long as it lives."""

import asyncio
import uuid
from contextlib import suppress
from datetime import timedelta

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.batches import Batch
from colonnade.gateway.service.batches.run import Run, Workplace
from colonnade.telemetry import get_logger
from colonnade.telemetry.metrics import gauge

_LOG = get_logger(__name__)
_RUNNING = gauge("gateway_running", "batches", "Batches that this gateway works on now")


class Runner:
    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._holder = uuid.uuid4().hex
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was made or cancelled here; what happens at other gateways is seen within seconds."""
        self._woken.set()
        for run in self._runs.values():
            run.poke()

    async def run(self) -> None:
        """Until it is cancelled: then lines under way are given up, and other gateways may go on at once."""
        try:
            while True:
                self._woken.clear()
                await self._claim()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._place.bounds.renew_seconds):
                        await self._woken.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _claim(self) -> None:
        """As many batches as there is room for."""
        lease = timedelta(seconds=self._place.bounds.lease_seconds)
        while len(self._runs) < self._place.bounds.batches_at_once:
            now = self._place.now()
            try:
                batch = await self._place.store.claim(self._holder, now, now + lease)
            except ColonnadeError as error:
                _LOG.warning("no batch could be taken on; it will be tried again", reason=error.message)
                return
            if batch is None or batch.id in self._runs:
                return
            self._start(batch)

    def _start(self, batch: Batch) -> None:
        run = self._runs[batch.id] = Run(self._place, batch, self._holder)
        task = asyncio.create_task(self._to_the_end(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _to_the_end(self, run: Run) -> None:
        try:
            with _RUNNING.track_inprogress():
                await run.to_the_end()
        except asyncio.CancelledError:
            await self._place.store.release(run.batch.id, self._holder)
            raise
        except Exception:
            # The lease is left to run out: what fails at once is not tried again at once.
            _LOG.exception("a batch was given up for now", batch_id=run.batch.id)
        finally:
            del self._runs[run.batch.id]
            self._woken.set()
