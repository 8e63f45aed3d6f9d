"""``python -m colonnade.registry``: reads the settings, wires ports to adapters, serves until stopped."""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec

from colonnade.api.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from colonnade.registry.adapters.convert_process import COMMAND, ConvertProcess
from colonnade.registry.adapters.sources import LocalSources
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.domain import Reference
from colonnade.registry.imports import Imports
from colonnade.registry.service import Registry
from colonnade.registry.servicer import FULL_NAME, RegistryServicer
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import Identity, Server, run_service, until_stopped
from colonnade.security.access.registry import RPCS
from colonnade.security.audit import AuditLog
from colonnade.storage.blobs import open_blobs
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, backend_of
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
    """A server that has not started yet. The audit log's lock makes it the only registry of its home."""
    trail = AuditLog(settings.audit, settings.service)
    database = database_of(settings)
    try:
        await migrate(database, "colonnade.registry")
        blobs = open_blobs(settings.blobs, max_blob_bytes=settings.max_blob_bytes)
        importer = ConvertProcess(
            settings.workspaces, os.environ, command=convert,
            seconds=settings.import_seconds, threads=settings.import_threads,
        )  # fmt: skip
        importer.sweep()
        await blobs.check()
        await blobs.sweep()
        store = SqlVersionStore(database)
        registry = Registry(store, trail, default_model=settings.default_model)
        imports = Imports(
            store, blobs, LocalSources(settings.roots), importer, trail,
            max_waiting=settings.max_waiting_imports,
        )  # fmt: skip
        server = Server(settings.address, RPCS, Identity(settings.service, settings.identity))
        server.add(add_RegistryServiceServicer_to_server, RegistryServicer(registry, imports), FULL_NAME)
        yield server
    finally:
        await database.close()
        trail.close()


def database_of(settings: RegistrySettings) -> Database:
    connections = settings.database_connections
    return Database(settings.database, connections=connections, setting="COLONNADE_REGISTRY_DATABASE_URL")


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
