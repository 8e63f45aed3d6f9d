"""``python -m colonnade.console``: builds the pages and serves them."""

import asyncio
import contextlib
import importlib.util
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

import uvicorn

from colonnade.console.settings import ConsoleSettings
from colonnade.errors import InvalidArgument
from colonnade.rpc import run_service, until_stopped
from colonnade.security.network import parse_authority
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_SWEEP_SECONDS = 60.0


class _Server(uvicorn.Server):
    """Signals are the process's own affair."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: ConsoleSettings) -> None:
    """Serves until SIGTERM or SIGINT. Pages hold their sockets open, so there is nothing to wait for then."""
    from colonnade.console.app import build  # NiceGUI takes a second: not for --check and --version

    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it would log the ids of pages
    listener = bind(settings.listen)
    app, sessions = build(settings)
    config = uvicorn.Config(
        app,
        loop="none", log_config=None, access_log=False, proxy_headers=False, server_header=False,
        ws="websockets-sansio", ws_max_size=1_000_000, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    stopping = asyncio.ensure_future(until_stopped())
    sweeping = asyncio.ensure_future(_sweep(sessions.sweep))
    _LOG.info("serving", address=settings.address, gateway=settings.gateway_url)
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sweeping.cancel()
        stopping.cancel()
        server.should_exit = True
        await serving
        await sessions.close()


async def report(settings: ConsoleSettings) -> dict[str, object]:
    """What would be used. Raises what would keep the console from starting."""
    if importlib.util.find_spec("nicegui") is None:
        raise InvalidArgument("NiceGUI is not installed; install it with: pip install 'colonnade[console]'")
    return {
        "gateway": settings.gateway_url,
        "hosts": sorted(settings.hosts),
        "session_seconds": settings.session_seconds,
    }


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
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise InvalidArgument(
            f"cannot listen on {listen} ({error.strerror}); set COLONNADE_CONSOLE_LISTEN to another address",
            field="listen",
        ) from error


async def _sweep(sweep: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        await sweep()


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(ConsoleSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
