"""The engine's process: wires settings, core, models and server, and ends them in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from colonnade.engine import threads
from colonnade.engine.core import Core
from colonnade.engine.faults import FaultWatch
from colonnade.engine.kernels.native import keep_in, library
from colonnade.engine.loop import Loop
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.models import ModelHost
from colonnade.engine.precision import Precision
from colonnade.engine.seals import Seals
from colonnade.engine.server import answering, serve_until_stopped
from colonnade.engine.service import Engine
from colonnade.engine.settings import EngineSettings
from colonnade.models.families.catalog import families
from colonnade.rpc import Server
from colonnade.storage.blobs import open_blobs


async def serve(settings: EngineSettings) -> None:
    """Serves until SIGTERM or SIGINT, then lets running requests finish within ``drain_seconds``."""
    async with started(settings, threads.claim(settings.threads)) as (engine, server):
        await serve_until_stopped(settings, engine, server)


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
        "trusted_keys": len(settings.trusted.keys()) if settings.trusted else "seals are not checked",
    }


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
        open_blobs(settings.blobs),
        core,
        memory_bytes=settings.model_bytes,
        precision=precision,
        speculation=settings.method,
        seals=Seals(settings.trusted),
    )
    engine = Engine(core, host, EngineMetrics(), drive=partial(Loop, core, threads=count), faults=faults)
    async with answering(settings, engine) as server:
        yield engine, server
