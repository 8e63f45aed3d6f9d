"""The engine's process: wires settings, core, models and server, and ends them in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from colonnade.api.engine.v1.engine_pb2_grpc import add_EngineServiceServicer_to_server
from colonnade.engine import threads
from colonnade.engine.core import Core
from colonnade.engine.faults import FaultWatch
from colonnade.engine.kernels.native import keep_in, library
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.models import ModelHost
from colonnade.engine.precision import Precision
from colonnade.engine.registration import Registration
from colonnade.engine.service import Engine
from colonnade.engine.servicer import FULL_NAME, EngineServicer
from colonnade.engine.settings import EngineSettings
from colonnade.models.families.catalog import families
from colonnade.rpc import Identity, Peer, Server, until_stopped
from colonnade.security.access.engine import RPCS
from colonnade.storage.blobs import LocalBlobStore
from colonnade.telemetry import get_logger

_CLOSING_SECONDS = 1.0
_LOG = get_logger(__name__)


async def serve(settings: EngineSettings) -> None:
    """Serves until SIGTERM or SIGINT, then lets running requests finish within ``drain_seconds``."""
    async with started(settings, threads.claim(settings.threads)) as (engine, server):
        await server.ready(True)
        _LOG.info("serving", address=settings.address)
        async with registered(settings):
            await until_stopped()
        await server.ready(False)
        finished = await engine.drain(settings.drain_seconds)
        _LOG.info("drained", finished=finished)


async def report(settings: EngineSettings) -> dict[str, object]:
    """What would be used. Raises for settings that cannot work."""
    keep_in(settings.kernels_dir)
    precision = Precision.chosen(settings.weights, settings.device, settings.cache_dtype)
    return {
        "device": settings.device,
        "weights": settings.weights,
        "speculation": settings.speculation,
        "kernels": "native" if precision.packed and library() is not None else "reference",
        "threads": threads.count(settings.threads),
        "memory_bytes": settings.model_bytes,
        "cache_bytes": settings.cache_bytes,
        "families": list(families()),
    }


@asynccontextmanager
async def registered(settings: EngineSettings) -> AsyncGenerator[None, None]:
    """Known to an inference service meanwhile, if the settings name one."""
    if not settings.register_with:
        yield
        return
    identity = Identity(settings.service, settings.identity)
    async with Peer("inference", settings.register_with, identity) as inference:
        registration = Registration(inference, settings.advertised)
        keeping = asyncio.create_task(registration.keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await registration.leave()


@asynccontextmanager
async def started(settings: EngineSettings, count: int) -> AsyncGenerator[tuple[Engine, Server], None]:
    """The engine behind its server, with ``count`` threads for torch; not ready yet."""
    keep_in(settings.kernels_dir)
    precision = await asyncio.to_thread(
        Precision.chosen, settings.weights, settings.device, settings.cache_dtype
    )
    faults = FaultWatch(
        settings.data,
        capacity=settings.max_sequences,
        refusal_seconds=settings.refusal_seconds,
    )
    core = Core(settings.limits, witness=faults.forward)
    host = ModelHost(
        LocalBlobStore(settings.blobs),
        core,
        memory_bytes=settings.model_bytes,
        precision=precision,
        speculation=settings.method,
    )
    engine = Engine(core, host, EngineMetrics(), threads=count, faults=faults)
    server = Server(settings.address, RPCS, Identity(settings.service, settings.identity))
    servicer = EngineServicer(engine, settings.deadline_margin_seconds)
    server.add(add_EngineServiceServicer_to_server, servicer, FULL_NAME)
    engine.start()
    try:
        await server.start()
        yield engine, server
    finally:
        await engine.close()  # first: it ends the calls that are still open
        await server.stop(_CLOSING_SECONDS)
