"""A router among fakes, driven by events: its watchers ask when they are poked, not by the clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from colonnade.inference.domain import Work
from colonnade.inference.fleet import Fleet
from colonnade.inference.manifests import Manifests
from colonnade.inference.metrics import Metrics
from colonnade.inference.placement import Placement, Policy
from colonnade.inference.service import Inference
from tests.unit.inference.fakes import FakeEngine, FakeRegistry

LIMIT = 10.0
NEVER = 3600.0


@dataclass
class Router:
    engines: list[FakeEngine]
    registry: FakeRegistry
    fleet: Fleet
    placement: Placement
    inference: Inference
    counted: CollectorRegistry = field(repr=False)

    async def texts(self, work: Work) -> list[str]:
        return [chunk.parcel async for chunk in self.inference.generate(work)]

    async def heard(self) -> None:
        """Every engine was asked again, from now on."""
        asked = [engine.asked for engine in self.engines]
        self.fleet.poke()
        for slot, before in zip(self.engines, asked, strict=True):
            await self.fleet.until(lambda slot=slot, before=before: slot.asked > before)  # type: ignore[misc]

    async def until(self, condition: Callable[[], bool]) -> None:
        """For what follows from the engines being heard of, soon."""
        while not condition():
            await self.heard()

    def count(self, name: str, **labels: str) -> float:
        return self.counted.get_sample_value(f"colonnade_inference_{name}", labels) or 0.0


def _router(engines: list[FakeEngine], registry: FakeRegistry, options: dict[str, Any]) -> Router:
    counted = CollectorRegistry()
    metrics = Metrics(counted)
    fleet = Fleet(engines, metrics, interval=NEVER, max_backoff=options.pop("max_backoff", 0.001))
    manifests = Manifests(registry, options.pop("capacity", 8))
    max_in_flight = options.pop("max_in_flight", 100)
    max_shadows = options.pop("max_shadows", 2)
    policy = Policy(**{"retries": 1, "wait_seconds": LIMIT, **options})
    placement = Placement(fleet, manifests, metrics, policy)
    inference = Inference(placement, max_in_flight=max_in_flight, max_shadows=max_shadows)
    return Router(engines, registry, fleet, placement, inference, counted)


Routing = Callable[..., Awaitable[Router]]


@pytest.fixture
async def routing() -> AsyncIterator[Routing]:
    """Starts a router among the given engines and returns when each was heard of once."""
    async with asyncio.timeout(LIMIT), _background() as tasks:
        routers = []

        async def start(*engines: FakeEngine, registry: FakeRegistry | None = None, **options: Any) -> Router:
            router = _router(list(engines), registry or FakeRegistry(), options)
            routers.append(router)
            tasks.append(asyncio.create_task(router.fleet.watch()))
            await router.fleet.until(lambda: router.fleet.news >= len(engines))
            return router

        yield start
        for router in routers:
            await router.inference.shadows.close()
            await router.placement.spread.close()
            await router.placement.loads.close()


@asynccontextmanager
async def _background() -> AsyncIterator[list["asyncio.Task[None]"]]:
    tasks: list[asyncio.Task[None]] = []
    try:
        yield tasks
    finally:
        for task in tasks:
            assert not task.done(), "a watcher ended"
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
