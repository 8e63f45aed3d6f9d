"""Versions loaded ahead of their first request."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from colonnade.gateway.domain.engines import Preparation
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Target
from colonnade.gateway.ports import Audit, Engines, ModelCatalog
from colonnade.security.audit import privileged

_BEAT_SECONDS = 2.0


class Preparing:
    def __init__(
        self,
        engines: Engines,
        catalog: ModelCatalog,
        audit: Audit,
        beat_seconds: float = _BEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """While a version is loaded, that is said every ``beat_seconds``."""
        self._engines, self._catalog, self._audit = engines, catalog, audit
        self._beat_seconds, self._clock = beat_seconds, clock

    async def prepare(self, caller: Caller, reference: str) -> AsyncGenerator[Preparation, None]:
        """Has an engine load every version that the reference means, one after the other.

        Of an adapter, that is the version that it belongs to; it is loaded itself at its first request."""
        resolution = await self._catalog.resolve(caller, reference, "")
        facts = {"model": reference, "request_id": caller.request_id}
        async with privileged(self._audit, "model.prepare", caller.principal, acknowledge=False, **facts):
            for target in resolution.targets:
                async with aclosing(self._loaded(caller, target)) as steps:
                    async for step in steps:
                        yield step

    async def _loaded(self, caller: Caller, target: Target) -> AsyncGenerator[Preparation, None]:
        began = self._clock()
        loading = asyncio.create_task(self._engines.prepare(caller, target))
        try:
            while not (await asyncio.wait([loading], timeout=self._beat_seconds))[0]:
                yield Preparation(target, self._clock() - began)
            yield Preparation(target, self._clock() - began, loading.result())
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
