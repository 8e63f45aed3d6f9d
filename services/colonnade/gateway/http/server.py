"""Serves the application: binds, runs until told to stop, lets running answers finish."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Iterator

import uvicorn
from starlette.types import ASGIApp

from colonnade.errors import InvalidArgument
from colonnade.gateway.http.options import HttpOptions
from colonnade.gateway.http.protocol import bounded
from colonnade.security.network import parse_authority

_BACKLOG = 1024
_KEEP_ALIVE_SECONDS = 30


class _Server(uvicorn.Server):
    """Signals are the process's own affair."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(listen: str) -> socket.socket:
    """A listening socket for ``host:port``; ``InvalidArgument`` where that cannot be had."""
    authority = parse_authority(listen)
    if authority is None or authority.port is None:
        raise InvalidArgument("listen must be host:port", field="listen")
    host = authority.host.strip("[]")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, authority.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InvalidArgument(
            f"cannot listen on {listen} ({error.strerror}); set COLONNADE_GATEWAY_LISTEN to another address",
            field="listen",
        ) from error


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    options: HttpOptions,
    stopped: Awaitable[object],
    drain_seconds: float,
) -> None:
    """Serves until ``stopped``; then takes no new connection and gives running answers ``drain_seconds``."""
    config = uvicorn.Config(
        app,
        http=bounded(options),
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    stopping = asyncio.ensure_future(stopped)
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving
