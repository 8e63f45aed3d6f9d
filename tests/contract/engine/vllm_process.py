"""A real vLLM in the environment that ``make test-vllm`` makes, behind the engine's socket."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from grpc_health.v1 import health_pb2, health_pb2_grpc

from colonnade.rpc import Identity, Peer
from colonnade.storage.blobs import LocalBlobStore

PYTHON = os.environ.get("COLONNADE_VLLM_PYTHON", "")
"""Of that environment. Where none is named, nothing runs vLLM."""
_SECONDS = 120.0


@dataclass
class VllmProcess:
    running: asyncio.subprocess.Process
    peer: Peer
    identity: Identity
    blobs: LocalBlobStore
    home: Path


@asynccontextmanager
async def vllm_process(**settings: str) -> AsyncIterator[VllmProcess]:
    """Ready to load; ``settings`` are named without their prefix."""
    with tempfile.TemporaryDirectory(prefix="cln-") as name:
        home = Path(name)
        address, identity = f"unix:{home}/run/vllm.sock", Identity("inference", home / "identity")
        running = await _started(home, address, settings)
        try:
            async with Peer("engine", address, identity) as peer:
                await _healthy(running, peer)
                yield VllmProcess(running, peer, identity, LocalBlobStore(home / "blobs"), home)
        finally:
            await _ended(running)


async def _started(home: Path, address: str, settings: dict[str, str]) -> asyncio.subprocess.Process:
    chosen = {"listen": address, "metrics_port": "0", "threads": "1"} | settings
    return await asyncio.create_subprocess_exec(
        PYTHON, "-P", "-m", "colonnade.vllm",
        env={
            **os.environ,
            "COLONNADE_HOME": str(home),
            **{f"COLONNADE_VLLM_{key.upper()}": value for key, value in chosen.items()},
        },
    )  # fmt: skip


async def _healthy(running: asyncio.subprocess.Process, peer: Peer) -> None:
    health = health_pb2_grpc.HealthStub(peer.channel)
    request = health_pb2.HealthCheckRequest(service="colonnade.api.engine.v1.EngineService")
    async with asyncio.timeout(_SECONDS):
        while True:
            assert running.returncode is None, "the engine ended"
            with suppress(Exception):  # not there yet
                answer = await health.Check(request, wait_for_ready=True, timeout=5)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return


async def _ended(running: asyncio.subprocess.Process) -> None:
    if running.returncode is None:
        running.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(running.wait(), 60)
        except TimeoutError:
            running.kill()
            await running.wait()
