"""One gRPC server as every service starts it."""

import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from colonnade.errors import InvalidArgument
from colonnade.rpc.guard import Guard
from colonnade.rpc.peer import MAX_MESSAGE_BYTES, Identity
from colonnade.security.identity import Role
from colonnade.security.tokens import TokenVerifier
from colonnade.supervise.home import MAX_SOCKET_PATH

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),  # two servers on one port are a mistake, not a load balancer
]


class Server:
    """Serves on a unix socket or host:port, behind the guard, with health checks and reflection.

    ``rpcs`` is the service's access table. Not ready until ``ready(True)``.
    """

    def __init__(self, address: str, rpcs: Mapping[str, frozenset[Role]], identity: Identity) -> None:
        self.address = address
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            interceptors=[Guard(rpcs, TokenVerifier(identity.key))], options=_OPTIONS
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        self._stopping: list[Callable[[], None]] = []

    def add(self, register: Callable[[Any, Any], None], servicer: Any, full_name: str) -> None:
        """Adds a servicer: ``add(add_XServicer_to_server, servicer, "colonnade.api.x.v1.X")``."""
        register(servicer, self._server)
        self._names.append(full_name)

    def on_stop(self, act: Callable[[], None]) -> None:
        """``act`` ends calls that would not end by themselves."""
        self._stopping.append(act)

    async def start(self) -> int:
        """Binds and serves; returns the port (0 for a socket). Raises ``InvalidArgument`` if taken."""
        reflection.enable_server_reflection(self._names, self._server)
        await self.ready(False)
        path = self.address.removeprefix("unix:")
        if path != self.address:
            _prepare_socket(Path(path))
        try:
            port = self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise InvalidArgument(
                f"cannot listen on {self.address}: the address is in use or not allowed"
            ) from error
        await self._server.start()
        return port if path == self.address else 0

    async def ready(self, serving: bool) -> None:
        """What health checks answer."""
        status = (
            health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        for name in ("", *self._names):
            await self._health.set(name, status)

    async def stop(self, grace_seconds: float) -> None:
        """Refuses new calls and lets running ones finish within the grace period."""
        await self._health.enter_graceful_shutdown()
        for act in self._stopping:
            act()
        await self._server.stop(grace_seconds)


def _prepare_socket(path: Path) -> None:
    """The folder is the lock: only its owner can reach the socket. A dead server's socket is removed."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise InvalidArgument(
            f"the socket's path is too long (at most {MAX_SOCKET_PATH} bytes); choose a shorter folder",
            field="listen",
            limit=MAX_SOCKET_PATH,
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = path.parent.stat()
    if status.st_uid != os.geteuid() or status.st_mode & stat.S_ISVTX:
        raise InvalidArgument(
            "the socket's folder is shared with others; choose one of your own", field="listen"
        )
    path.parent.chmod(0o700)
    if _answers(path):
        raise InvalidArgument("the socket is in use: another server answers there", field="listen")
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
