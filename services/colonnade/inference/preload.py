"""Loads the default model before anyone asks for it, and says when the service is ready."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from colonnade.errors import ColonnadeError, DeadlineExceeded, Overloaded, Unavailable, backoff
from colonnade.inference.domain import Manifest, Work
from colonnade.inference.fleet import Fleet
from colonnade.inference.ports import Registry
from colonnade.inference.service import Inference
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_FIRST_BACKOFF_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 2.0
_PASSING = (Unavailable, Overloaded, DeadlineExceeded)


class Preloader:
    """Ready means: the registry has answered once, an engine is there, and the default model, if there is
    one, was loaded by it or refused for good. Others may push it out later; it then stays out."""

    def __init__(
        self,
        registry: Registry,
        inference: Inference,
        fleet: Fleet,
        tell: Callable[[bool], Awaitable[None]],
        *,
        interval: float,
    ) -> None:
        """``tell`` hears of every change of readiness; the default is looked up once an ``interval``."""
        self._registry = registry
        self._inference = inference
        self._fleet = fleet
        self._tell = tell
        self._interval = interval
        self._known = False
        self._default: Manifest | None = None
        self._settled: set[tuple[tuple[str, str], str]] = set()
        self._looked = asyncio.Event()
        self.wake = asyncio.Event()
        self.ready = False

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._keep_ready())

    async def _follow(self) -> None:
        failures = 0
        while True:
            self.wake.clear()
            pause = self._interval
            try:
                self._default = await self._registry.default()
                self._known, failures = True, 0
                self._looked.set()
            except ColonnadeError as error:
                if not self._known:
                    _LOG.info("registry away", code=error.code)
                    failures += 1
                    pause = backoff(failures, first=_FIRST_BACKOFF_SECONDS, longest=_MAX_BACKOFF_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), pause)

    async def _keep_ready(self) -> None:
        await self._looked.wait()
        while True:
            self._looked.clear()
            heard = self._fleet.news
            if self._cold():
                await self._warm()
            await self._publish()
            await self._next_event(heard)

    async def _next_event(self, heard: int) -> None:
        """The default was looked up again, or an engine was heard of."""
        waiting = [
            asyncio.create_task(self._looked.wait()),
            asyncio.create_task(self._fleet.changed(since=heard)),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    def _cold(self) -> bool:
        default = self._default
        if default is None:
            return False
        return not any(
            view.has(default.digest) or (view.run, default.digest) in self._settled
            for view in self._fleet.views
            if view.ready
        )

    async def _warm(self) -> None:
        default, runs = self._default, [view.run for view in self._fleet.views if view.ready]
        if default is None or not runs:
            return
        try:
            prepared = await self._inference.prepare(
                Work(default.digest, named=(default.name, default.version))
            )
        except _PASSING as error:
            _LOG.info("default model not loaded yet", model=default.name, code=error.code)
        except ColonnadeError as error:
            _LOG.error("default model refused", model=default.name, code=error.code, reason=error.message)
            self._settled |= {(run, default.digest) for run in runs}
        else:
            self._settled.add((prepared.run, default.digest))

    async def _publish(self) -> None:
        ready = any(view.ready for view in self._fleet.views) and not self._cold()
        if ready != self.ready:
            self.ready = ready
            _LOG.info("ready" if ready else "not ready")
            await self._tell(ready)
