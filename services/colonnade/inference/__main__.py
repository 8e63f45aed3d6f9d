"""``python -m colonnade.inference``: the inference service as a process."""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from colonnade.api.erasure.v1.erasure_pb2_grpc import add_ErasureServiceServicer_to_server
from colonnade.api.inference.v1.inference_pb2_grpc import add_InferenceServiceServicer_to_server
from colonnade.inference.adapters.engine import GrpcEngine
from colonnade.inference.adapters.memory_cache import MemoryAnswers
from colonnade.inference.adapters.parcels import WireParcels
from colonnade.inference.adapters.redis_cache import RedisAnswers
from colonnade.inference.adapters.registry import GrpcRegistry
from colonnade.inference.caches.answers import Answers
from colonnade.inference.caches.encoder import Encoder
from colonnade.inference.caches.figures import CacheMetrics
from colonnade.inference.caches.semantic import Semantic
from colonnade.inference.caching_wire import CacheKeys, thresholds_of
from colonnade.inference.domain.leases import Leases
from colonnade.inference.erasing import InferenceEraser
from colonnade.inference.fleet import Fleet
from colonnade.inference.manifests import Manifests
from colonnade.inference.metrics import Metrics
from colonnade.inference.overview import Overview
from colonnade.inference.placement import Placement
from colonnade.inference.ports import AnswerStore, Registry
from colonnade.inference.preload import Preloader
from colonnade.inference.refusals import Refusals
from colonnade.inference.registrations import Registrations
from colonnade.inference.service import Inference
from colonnade.inference.servicer import FULL_NAME, InferenceServicer
from colonnade.inference.settings import InferenceSettings
from colonnade.rpc import Identity, Peer, Server, run_service, until_stopped
from colonnade.rpc.erasure_servicer import FULL_NAME as ERASURE
from colonnade.rpc.erasure_servicer import ErasureServicer
from colonnade.security.access.inference import RPCS
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What runs in the background, and what is to be closed."""

    fleet: Fleet
    placement: Placement
    inference: Inference
    registrations: Registrations
    preloader: Preloader

    def tasks(self) -> list["asyncio.Task[None]"]:
        running = (self.fleet.watch(), self.registrations.run(), self.preloader.run())
        return [asyncio.create_task(each) for each in running]

    async def close(self) -> None:
        if self.inference.answers:
            await self.inference.answers.close()
        await self.inference.shadows.close()
        await self.placement.spread.close()
        await self.placement.loads.close()
        await self.fleet.close()


async def serve(settings: InferenceSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    identity = Identity("inference", settings.identity)
    server = Server(settings.address, RPCS, identity)
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(Peer("registry", settings.registry, identity))
        trail = stack.enter_context(settings.opened_audit())
        parts = _wired(settings, identity, server, registry, Refusals(trail))
        eraser = InferenceEraser(parts.inference.answers, trail)
        server.add(add_ErasureServiceServicer_to_server, ErasureServicer(eraser), ERASURE)
        await server.start()
        background = parts.tasks()
        _LOG.info("serving", address=settings.address, engines=len(settings.engines))
        stopped = asyncio.create_task(until_stopped())
        # A watcher that ends has failed: end the process, so that it is started again.
        await asyncio.wait([stopped, *background], return_when=asyncio.FIRST_COMPLETED)
        await server.stop(settings.drain_seconds)
        for task in (stopped, *background):
            task.cancel()
        results = await asyncio.gather(*background, return_exceptions=True)
        await parts.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


def _wired(
    settings: InferenceSettings, identity: Identity, server: Server, registry: Peer, refusals: Refusals
) -> _Parts:
    def connect(address: str) -> GrpcEngine:
        return GrpcEngine(
            Peer("engine", address, identity),
            stats_timeout=settings.stats_timeout_seconds,
            load_timeout=settings.load_timeout_seconds,
        )

    catalogue = GrpcRegistry(registry, timeout=settings.registry_timeout_seconds)
    metrics, static = Metrics(), settings.engines
    fleet = Fleet([connect(each) for each in static], metrics, interval=settings.stats_interval_seconds)
    manifests = Manifests(catalogue, settings.cached_manifests, refusals)
    placement = Placement(fleet, manifests, metrics, settings.policy, refusals)
    inference = Inference(placement, max_in_flight=settings.max_in_flight, max_shadows=settings.max_shadows)
    leases = Leases(settings.lease_seconds, settings.max_engines, time.monotonic)
    registrations = Registrations(placement, leases, connect, static)
    keys = CacheKeys(thresholds_of(settings.semantic_cache))
    inference.answers = _answers(settings, keys, inference, catalogue)
    overview = Overview(placement, leases)
    servicer = InferenceServicer(inference, overview, registrations, keys if inference.answers else None)
    server.add(add_InferenceServiceServicer_to_server, servicer, FULL_NAME)
    preloader = Preloader(
        catalogue, inference, fleet, server.ready, interval=settings.default_interval_seconds
    )
    return _Parts(fleet, placement, inference, registrations, preloader)


def _answers(
    settings: InferenceSettings, keys: CacheKeys, inference: Inference, registry: Registry
) -> Answers | None:
    """The caches of answers; None where they are off."""
    if not settings.cache_bytes:
        return None
    metrics, parcels = CacheMetrics(), WireParcels()
    encoder = Encoder(registry, inference.embed_question, parcels, settings.semantic_encoder)
    semantic = Semantic(encoder, capacity=settings.semantic_questions) if keys.thresholds else None
    store, largest = _store(settings, metrics), settings.cache_entry_bytes
    return Answers(store, parcels, metrics, semantic=semantic, entry_bytes=largest)


def _store(settings: InferenceSettings, metrics: CacheMetrics) -> AnswerStore:
    largest, seconds = settings.cache_entry_bytes, settings.cache_seconds
    if url := settings.cache_redis_url.get_secret_value():
        return RedisAnswers(url, entry_bytes=largest, seconds=seconds)
    return MemoryAnswers(settings.cache_bytes, entry_bytes=largest, seconds=seconds, evicted=metrics.evicted)


async def report(settings: InferenceSettings) -> dict[str, object]:
    """What would be used. Raises what would keep the service from starting."""
    thresholds_of(settings.semantic_cache)
    return {"registry": settings.registry, "engines": list(settings.engines)}


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(InferenceSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
