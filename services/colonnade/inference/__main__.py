"""``python -m colonnade.inference``: the inference service as a process."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from colonnade.api.inference.v1.inference_pb2_grpc import add_InferenceServiceServicer_to_server
from colonnade.inference.adapters.engine import GrpcEngine
from colonnade.inference.adapters.registry import GrpcRegistry
from colonnade.inference.fleet import Fleet
from colonnade.inference.manifests import Manifests
from colonnade.inference.metrics import Metrics
from colonnade.inference.placement import Placement
from colonnade.inference.preload import Preloader
from colonnade.inference.service import Inference
from colonnade.inference.servicer import FULL_NAME, InferenceServicer
from colonnade.inference.settings import InferenceSettings
from colonnade.rpc import Identity, Peer, Server, run_service, until_stopped
from colonnade.security.access.inference import RPCS
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


async def serve(settings: InferenceSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    async with AsyncExitStack() as stack:
        identity = Identity("inference", settings.identity)
        server = Server(settings.address, RPCS, identity)
        fleet, placement, preloader = await _wired(settings, identity, server, stack)
        await server.start()
        background = [asyncio.create_task(fleet.watch()), asyncio.create_task(preloader.run())]
        _LOG.info("serving", address=settings.address, engines=len(settings.engines))
        stopped = asyncio.create_task(until_stopped())
        # A watcher that ends has failed: end the process, so that it is started again.
        await asyncio.wait([stopped, *background], return_when=asyncio.FIRST_COMPLETED)
        await server.stop(settings.drain_seconds)
        for task in (stopped, *background):
            task.cancel()
        results = await asyncio.gather(*background, return_exceptions=True)
        await placement.loads.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _wired(
    settings: InferenceSettings, identity: Identity, server: Server, stack: AsyncExitStack
) -> tuple[Fleet, Placement, Preloader]:
    async def peer(service: str, address: str) -> Peer:
        return await stack.enter_async_context(Peer(service, address, identity))

    registry = GrpcRegistry(
        await peer("registry", settings.registry), timeout=settings.registry_timeout_seconds
    )
    engines = [
        GrpcEngine(
            await peer("engine", address),
            stats_timeout=settings.stats_timeout_seconds,
            load_timeout=settings.load_timeout_seconds,
        )
        for address in settings.engines
    ]
    metrics = Metrics()
    fleet = Fleet(engines, metrics, interval=settings.stats_interval_seconds)
    placement = Placement(
        fleet,
        Manifests(registry, settings.cached_manifests),
        metrics,
        retries=settings.retries,
        wait_seconds=settings.engine_wait_seconds,
    )
    inference = Inference(placement, max_in_flight=settings.max_in_flight)
    server.add(add_InferenceServiceServicer_to_server, InferenceServicer(inference), FULL_NAME)
    preloader = Preloader(
        registry, inference, fleet, server.ready, interval=settings.default_interval_seconds
    )
    return fleet, placement, preloader


async def report(settings: InferenceSettings) -> dict[str, object]:
    """What would be used."""
    return {"registry": settings.registry, "engines": list(settings.engines)}


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(InferenceSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
