"""``python -m colonnade.registry``: reads the settings, wires ports to adapters, serves until stopped."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec

from colonnade.api.erasure.v1.erasure_pb2_grpc import add_ErasureServiceServicer_to_server
from colonnade.api.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from colonnade.registry.adapters.convert_process import COMMAND
from colonnade.registry.adapters.erasing import RegistryEraser
from colonnade.registry.domain import Reference
from colonnade.registry.guarded import Guarded
from colonnade.registry.service import Registry
from colonnade.registry.servicers.versions import FULL_NAME, RegistryServicer
from colonnade.registry.settings import RegistrySettings
from colonnade.registry.wiring.drafts import imports_in
from colonnade.registry.wiring.events import events_in
from colonnade.registry.wiring.ground import database_of, laid
from colonnade.registry.wiring.records import add_records, add_seals
from colonnade.registry.wiring.rollouts import rollouts_in
from colonnade.registry.wiring.upkeep import upkeep_in
from colonnade.rpc import Identity, Server, run_service, until_stopped
from colonnade.rpc.erasure_servicer import FULL_NAME as ERASURE
from colonnade.rpc.erasure_servicer import ErasureServicer
from colonnade.security.access.registry import RPCS
from colonnade.storage.blobs import open_blobs
from colonnade.storage.sql import backend_of
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


async def report(settings: RegistrySettings) -> dict[str, object]:
    """What would be used, and what is missing for an import. Raises for settings that cannot work."""
    if settings.default_model:
        Reference.parse(settings.default_model)
    await _reached(settings)
    return {
        "database": backend_of(settings.database),
        "blobs": settings.blobs.url or "a folder",
        "import_roots": [str(root) for root in settings.roots],
        "default_model": settings.default_model or "the model promoted last",
        "can_convert": find_spec("torch") is not None,
    }


async def serve(settings: RegistrySettings, *, convert: Sequence[str] = COMMAND) -> None:
    """The registry until SIGTERM. ``convert`` is the command that imports run."""
    async with wired(settings, convert) as server:
        await server.start()
        await server.ready(True)
        _LOG.info("serving", address=settings.address)
        await until_stopped()
        _LOG.info("draining", seconds=settings.drain_seconds)
        await server.stop(settings.drain_seconds)


@asynccontextmanager
async def wired(settings: RegistrySettings, convert: Sequence[str] = COMMAND) -> AsyncIterator[Server]:
    """A server that has not started yet."""
    identity = Identity(settings.service, settings.identity)
    server = Server(settings.address, RPCS, identity)
    async with laid(settings) as ground:
        guarded = Guarded(ground.versions, settings.guarded)
        registry = Registry(
            ground.versions, ground.trail, default_model=settings.default_model, guarded=guarded
        )
        add_records(ground, server)
        eraser = RegistryEraser(ground.database, ground.trail)
        server.add(add_ErasureServiceServicer_to_server, ErasureServicer(eraser), ERASURE)
        seals = await add_seals(ground, server)
        async with (
            upkeep_in(ground, server) as claims,
            imports_in(ground, server, guarded, claims, convert) as imports,
            rollouts_in(ground, server, identity) as rollouts,
            events_in(ground, server),
        ):
            servicer = RegistryServicer(registry, imports, rollouts, seals)
            server.add(add_RegistryServiceServicer_to_server, servicer, FULL_NAME)
            yield server


async def _reached(settings: RegistrySettings) -> None:
    """Files and folders need not be there yet; servers must."""
    await open_blobs(settings.blobs).check()
    if backend_of(settings.database) != "sqlite":
        database = database_of(settings)
        try:
            await database.check()
        finally:
            await database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(RegistrySettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
