"""How to ask a process whether it lives and whether it may be sent work."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from colonnade.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Health:
    alive: bool
    """It answered; false for long enough means that only a restart helps."""
    ready: bool
    reason: str = ""


class Probe(Protocol):
    async def check(self, seconds: float) -> Health:
        """One question, answered within ``seconds``; never raises."""
        ...

    async def close(self) -> None: ...


class ProbeSpec(Protocol):
    """Says how a process is asked; ``open`` makes the asking end for one process."""

    def open(self) -> Probe: ...


@dataclass(frozen=True, slots=True)
class GrpcHealth:
    """The standard gRPC health service on a unix socket."""

    socket: Path

    def open(self) -> Probe:
        return _GrpcProbe(f"unix:{self.socket}")


@dataclass(frozen=True, slots=True)
class HttpHealth:
    """``ready`` answers 200 when ready; ``live`` when alive. Both are GETs on loopback."""

    host: str
    port: int
    ready: str = "/health/ready"
    live: str = "/health/live"

    def open(self) -> Probe:
        return _HttpProbe(self)


class _GrpcProbe:
    def __init__(self, target: str) -> None:
        self._target = target
        self._channel: Any = None

    async def check(self, seconds: float) -> Health:
        import grpc  # here, because reading a topology should not load gRPC
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        if self._channel is None:
            backoff = [
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 500),
                ("grpc.use_local_subchannel_pool", 1),
            ]
            self._channel = grpc.aio.insecure_channel(self._target, options=backoff)
        stub = health_pb2_grpc.HealthStub(self._channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError as error:
            return _grpc_failure(error.code())
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            return Health(True, True)
        return Health(True, False, "says it is not ready")

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()


def _grpc_failure(code: Any) -> Health:
    name = code.name
    if name == "UNAVAILABLE":
        return Health(False, False, "does not accept connections")
    if name == "DEADLINE_EXCEEDED":
        return Health(False, False, "does not answer in time")
    return Health(True, False, f"answers its health check with {name}")


class _HttpProbe:
    """Twenty bytes each way need no HTTP client; this keeps the supervisor small and quick to start."""

    def __init__(self, spec: HttpHealth) -> None:
        self._spec = spec

    async def check(self, seconds: float) -> Health:
        try:
            async with asyncio.timeout(seconds):
                status = await self._get(self._spec.ready)
                if status == 200:
                    return Health(True, True)
                alive = await self._get(self._spec.live) == 200
        except TimeoutError:
            return Health(False, False, "does not answer in time")
        except (OSError, asyncio.IncompleteReadError):
            return Health(False, False, "does not accept connections")
        except ValueError:
            return Health(False, False, "does not speak HTTP")
        return Health(alive, False, f"{self._spec.ready} answers {status}")

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _get(self, path: str) -> int:
        """The status code of a GET. ``ValueError`` where the answer is not HTTP."""
        reader, writer = await asyncio.open_connection(self._spec.host, self._spec.port)
        try:
            host = f"{self._spec.host}:{self._spec.port}"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            line = await reader.readline()
            protocol, code, *_ = line.decode("ascii").split(" ", 2)
            if not protocol.startswith("HTTP/1."):
                raise ValueError(protocol)
            return int(code)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def loopback(host: str) -> str:
    """Where to reach a server that listens on ``host`` from this machine."""
    if not host:
        raise InvalidArgument("the host to listen on must not be empty", field="host")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
