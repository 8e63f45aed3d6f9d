"""The process of an engine that runs vLLM: wires settings, core, host and server, and ends them in order."""

import asyncio
import importlib
import os
import shlex
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import spawn
from pathlib import Path

from colonnade.engine.faults import FaultWatch
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.scheduler import Limits
from colonnade.engine.server import answering, serve_until_stopped
from colonnade.engine.service import Engine
from colonnade.errors import Unavailable, Unsupported
from colonnade.storage.blobs import open_blobs
from colonnade.supervise import launch
from colonnade.supervise.interpreter import VLLM_BUILDS
from colonnade.vllm.core import VllmCore
from colonnade.vllm.host import FAMILIES, VllmHost
from colonnade.vllm.ports import Backend, Plan
from colonnade.vllm.settings import VllmSettings


async def serve(settings: VllmSettings) -> None:
    """Serves until SIGTERM or SIGINT. Raises ``Unavailable`` if vLLM's own processes end before."""
    installed()
    prepare(settings)
    core, engine = wired(settings)
    async with answering(settings, engine) as server:
        serving = asyncio.create_task(serve_until_stopped(settings, engine, server))
        dying = asyncio.create_task(core.dead.wait())
        try:
            await asyncio.wait((serving, dying), return_when=asyncio.FIRST_COMPLETED)
        finally:
            dying.cancel()
        if not serving.done():
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            raise Unavailable("vLLM's own process has ended; start the engine again")
        await serving


async def report(settings: VllmSettings) -> dict[str, object]:
    """What would be used. Raises for settings that cannot work."""
    return {
        "vllm": installed(),
        "dtype": settings.dtype,
        "threads": settings.cpus,
        "memory_bytes": settings.model_bytes,
        "max_adapters": settings.max_adapters,
        "families": list(FAMILIES),
        "trusted_keys": len(settings.trusted.keys()) if settings.trusted else "seals are not checked",
    }


def wired(settings: VllmSettings) -> tuple[VllmCore, Engine]:
    faults = FaultWatch(
        settings.data, capacity=settings.max_sequences, refusal_seconds=settings.refusal_seconds
    )
    limits = Limits(settings.queue_capacity, settings.max_sequences)
    core = VllmCore(limits, witness=faults.forward)

    async def start(plan: Plan) -> Backend:
        backend = await asyncio.to_thread(importlib.import_module, "colonnade.vllm.backend")  # takes seconds
        started: Backend = await backend.start(plan)
        return started

    host = VllmHost(open_blobs(settings.blobs), core, settings, start)
    return core, Engine(core, host, EngineMetrics(), drive=core.drive, faults=faults)


def prepare(settings: VllmSettings) -> None:
    """Sets what vLLM takes from the environment alone; what a user has set stays."""
    chosen = {
        "OMP_NUM_THREADS": str(settings.cpus),
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # this process has threads
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # cores are shared with whatever else runs here
        "VLLM_CONFIGURE_LOGGING": "0",  # what it says goes the way of all our logs
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    for name, value in chosen.items():
        os.environ.setdefault(name, value)
    tie(settings.data)


def tie(folder: Path) -> None:
    """Has the kernel end the processes that vLLM starts when this one ends, by ``kill -9`` too.

    They are made by multiprocessing, which takes a program in Python's place: one that asks the kernel first,
    and then becomes Python. (Those that they start watch them themselves.)
    """
    program = folder / "python"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = launch.wrapped(os.fsdecode(spawn.get_executable()))
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    program.chmod(0o700)
    spawn.set_executable(str(program))


def installed() -> str:
    """vLLM's version. Raises ``Unsupported`` in an environment without it."""
    for build in VLLM_BUILDS:
        try:
            return version(build)
        except PackageNotFoundError:
            continue
    raise Unsupported(
        "vLLM is not in this Python environment; install colonnade[vllm], or for a CPU see docs/vllm.md"
    )
