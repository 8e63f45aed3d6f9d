"""``python -m colonnade.registry``: reads the settings, wires ports to adapters, serves until stopped."""

import argparse
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec

from pydantic import ValidationError

from colonnade.api.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from colonnade.errors import ColonnadeError
from colonnade.registry.adapters.convert_process import COMMAND, ConvertProcess
from colonnade.registry.adapters.sources import LocalSources
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.domain import Reference
from colonnade.registry.imports import Imports
from colonnade.registry.service import Registry
from colonnade.registry.servicer import FULL_NAME, RegistryServicer
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import Identity, Server, run, until_stopped
from colonnade.security.access.registry import RPCS
from colonnade.security.audit import AuditLog
from colonnade.storage.blobs import LocalBlobStore
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, check_url
from colonnade.telemetry import get_logger, setup, shutdown
from colonnade.telemetry.metrics import serve_metrics

_LOG = get_logger(__name__)
_REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m colonnade.registry", description=__doc__)
    parser.add_argument("--version", action="version", version=version("colonnade"))
    parser.add_argument("--check", action="store_true", help="read the settings, report, and leave")
    options = parser.parse_args(arguments)
    try:
        settings = RegistrySettings()
        if options.check:
            sys.stdout.write(json.dumps(report(settings), indent=2) + "\n")
            return 0
        setup(settings.service, log_level=settings.log_level, otlp_endpoint=settings.otlp_endpoint)
        run(serve(settings))
    except ValidationError as error:
        return _refuse(
            "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        )
    except ColonnadeError as error:
        return _refuse(error.message)
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"registry: {why}\n")
    return _REFUSED


def report(settings: RegistrySettings) -> dict[str, object]:
    """What would be used, and what is missing for an import. Raises for settings that cannot work."""
    check_url(settings.database)
    if settings.default_model:
        Reference.parse(settings.default_model)
    return {
        "listen": settings.address,
        "home": str(settings.home),
        "database": "sqlite" if not settings.database_url else settings.database_url.partition(":")[0],
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
    metrics = serve_metrics(settings.metrics_port, settings.metrics_host)
    database = Database(settings.database)
    try:
        await migrate(database, "colonnade.registry")
        blobs = LocalBlobStore(settings.blobs, max_blob_bytes=settings.max_blob_bytes)
        importer = ConvertProcess(
            settings.workspaces, os.environ, command=convert,
            seconds=settings.import_seconds, threads=settings.import_threads,
        )  # fmt: skip
        importer.sweep()
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
        metrics.stop()
        trail.close()
        shutdown()


if __name__ == "__main__":
    sys.exit(main())
