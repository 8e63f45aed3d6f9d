"""``python -m colonnade.serving``: deploys the application, says how it is, and ends it."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.rpc import Identity, Server, until_stopped
from colonnade.serving.cluster import cluster
from colonnade.serving.replica import stopping_seconds
from colonnade.serving.settings import ServingSettings
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_STARTING_SECONDS, _STEADY_SECONDS = 1.0, 5.0
"""Between looks at how many replicas there are."""
_CLOSING_SECONDS = 1.0


async def serve(settings: ServingSettings) -> None:
    """Until SIGTERM or SIGINT; then the engines finish what runs. Raises ``Unavailable`` if none starts."""
    _installed()
    with cluster(settings):  # on the main thread, before anything else goes on
        async with _health(settings) as server:
            stopped = asyncio.ensure_future(until_stopped())
            await _deployed(settings)
            watching = asyncio.ensure_future(_watch(server, settings.range.least))
            await asyncio.wait({stopped, watching}, return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
            await server.ready(False)
            await _ended(settings)
            if not stopped.done():
                stopped.cancel()
                watching.result()


async def report(settings: ServingSettings) -> dict[str, object]:
    """What would be used. Raises for settings that cannot work."""
    _installed()
    return {
        "replicas": settings.replicas,
        "cpus": settings.cpus_each,
        "gpus": settings.gpus,
        "cluster": str(settings.ray_folder) if settings.own_cluster else settings.ray_address,
        "engines": f"ports from {settings.port}" if settings.port else "sockets",
    }


def _installed() -> None:
    if importlib.util.find_spec("ray") is None:
        raise InvalidArgument("Ray is not installed; install it with: pip install 'colonnade[ray]'")


@asynccontextmanager
async def _health(settings: ServingSettings) -> AsyncIterator[Server]:
    """A server for nothing but health checks."""
    server = Server(settings.address, {}, Identity(settings.service, settings.identity))
    await server.start()
    try:
        yield server
    finally:
        await server.stop(_CLOSING_SECONDS)


async def _deployed(settings: ServingSettings) -> None:
    from colonnade.serving import application

    await asyncio.to_thread(application.deploy, settings)
    _LOG.info("deployed", replicas=settings.replicas, cpus=settings.cpus_each)


async def _watch(server: Server, least: int) -> None:
    """Ready as long as one of ``least`` engines is. Raises ``Unavailable`` once Ray has given up."""
    from colonnade.serving import application

    seen = None
    while True:
        state = await asyncio.to_thread(application.state)
        if state != seen:
            _LOG.info("replicas", running=state.running, status=state.status)
            seen = state
        if state.failed:
            raise Unavailable(f"no engine could be started: {state.message}")
        await server.ready(state.running > 0)
        await asyncio.sleep(_STEADY_SECONDS if state.running >= least else _STARTING_SECONDS)


async def _ended(settings: ServingSettings) -> None:
    from colonnade.serving import application

    _LOG.info("ending the engines")
    gone = await asyncio.to_thread(application.remove, stopping_seconds(settings))
    _LOG.info("ended", finished=gone)
