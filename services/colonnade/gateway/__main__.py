"""``python -m colonnade.gateway``: wires ports to adapters and serves."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import SystemRandom

from pydantic import ValidationError

from colonnade import rpc
from colonnade.errors import ColonnadeError, PermissionDenied
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.inference import InferenceGenerator
from colonnade.gateway.adapters.probes import DefaultModelProbe, HealthProbe
from colonnade.gateway.adapters.registry import RegistryCatalog
from colonnade.gateway.adapters.sql import SqlKeyStore
from colonnade.gateway.http.app import build
from colonnade.gateway.http.server import bind, serve
from colonnade.gateway.ports import Audit, KeyStore
from colonnade.gateway.service.doorkeeper import Doorkeeper
from colonnade.gateway.service.gateway import Gateway
from colonnade.gateway.service.keys import Keys
from colonnade.gateway.service.models import Models
from colonnade.gateway.service.pipeline import Pipeline
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.stages import (
    AuditRecord,
    Authenticate,
    Authorise,
    CountUsage,
    DrawVersion,
    Generate,
    ShapeAndSize,
    SpeakFor,
)
from colonnade.gateway.settings import GatewaySettings
from colonnade.security.access.gateway import ROUTES
from colonnade.security.audit import AuditLog
from colonnade.security.network import is_local_address
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database
from colonnade.telemetry import get_logger, setup, shutdown
from colonnade.telemetry.metrics import GenAiMetrics, serve_metrics
from colonnade.telemetry.traces import version

_LOG = get_logger(__name__)
_FLUSH_SECONDS = 30.0


def main(arguments: list[str] | None = None) -> int:
    """The process. Exit status 2 where the settings do not allow it to run."""
    parser = argparse.ArgumentParser(prog="python -m colonnade.gateway", description=__doc__)
    parser.add_argument("--check", action="store_true", help="check the settings and the key store, then end")
    parser.add_argument("--version", action="version", version=version())
    options = parser.parse_args(arguments)
    try:
        settings = GatewaySettings()
        setup(settings.service, log_level=settings.log_level, otlp_endpoint=settings.otlp_endpoint)
        rpc.run(check(settings) if options.check else serve_gateway(settings))
    except (ColonnadeError, ValidationError) as error:
        print(f"gateway: {_reason(error)}", file=sys.stderr)  # noqa: T201
        return 2
    finally:
        shutdown()
    return 0


async def check(settings: GatewaySettings) -> None:
    """Raises what would keep the gateway from starting."""
    async with key_store(settings) as store:
        await require_safe(settings, store)


async def serve_gateway(settings: GatewaySettings) -> None:
    async with composed(settings) as gateway:
        await gateway.doorkeeper.is_open()
        flushing = asyncio.create_task(_flush_now_and_then(gateway.doorkeeper))
        metrics = serve_metrics(settings.metrics_port, settings.metrics_host)
        try:
            listener = bind(settings.listen)
            _LOG.info("serving", listen=settings.listen, open=await gateway.doorkeeper.is_open())
            app = build(gateway, settings.http)
            await serve(app, listener, settings.http, rpc.until_stopped(), settings.drain_seconds)
        finally:
            metrics.stop()
            flushing.cancel()
            await gateway.doorkeeper.flush()


@asynccontextmanager
async def composed(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """All ports on their adapters."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(key_store(settings))
        await require_safe(settings, store)
        audit = stack.enter_context(AuditLog(settings.home / "audit" / "gateway.jsonl", "gateway"))
        identity = rpc.Identity(settings.service, settings.identity)
        registry = await stack.enter_async_context(rpc.Peer("registry", settings.registry, identity))
        inference = await stack.enter_async_context(rpc.Peer("inference", settings.inference, identity))
        catalog = RegistryCatalog(Calls(registry, identity))
        bootstrap = settings.bootstrap_key.get_secret_value()
        doorkeeper = Doorkeeper(store, ROUTES, bootstrap)
        yield Gateway(
            pipeline=pipeline(doorkeeper, audit, catalog, Calls(inference, identity), settings),
            doorkeeper=doorkeeper,
            keys=Keys(store, audit, doorkeeper, has_bootstrap_key=bool(bootstrap)),
            models=Models(catalog, audit),
            probes=(HealthProbe(registry), HealthProbe(inference), DefaultModelProbe(catalog)),
        )


def pipeline(
    doorkeeper: Doorkeeper,
    audit: Audit,
    catalog: RegistryCatalog,
    inference: Calls,
    settings: GatewaySettings,
) -> Pipeline:
    """The way of a request, outermost stage first."""
    return Pipeline(
        admission=[Authenticate(doorkeeper), Authorise(doorkeeper)],
        generation=[
            AuditRecord(audit),
            CountUsage(GenAiMetrics()),
            ShapeAndSize(settings.limits),
            SpeakFor(),
            DrawVersion(Resolver(catalog), SystemRandom()),
            Generate(InferenceGenerator(inference)),
        ],
    )


@asynccontextmanager
async def key_store(settings: GatewaySettings) -> AsyncIterator[KeyStore]:
    database = Database(settings.database)
    try:
        await migrate(database, "colonnade.gateway")
        yield SqlKeyStore(database)
    finally:
        await database.close()


async def require_safe(settings: GatewaySettings, store: KeyStore) -> None:
    """Nobody but this machine may reach a gateway that asks for no key."""
    if is_local_address(settings.listen) or settings.bootstrap_key.get_secret_value() or await store.ever():
        return
    raise PermissionDenied(
        f"there is no API key yet, so the gateway listens on loopback only, not on {settings.listen}; "
        "create one with `colonnade keys create --role admin` first, or set COLONNADE_GATEWAY_BOOTSTRAP_KEY",
        field="listen",
    )


async def _flush_now_and_then(doorkeeper: Doorkeeper) -> None:
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        try:
            await doorkeeper.flush()
        except ColonnadeError as error:
            _LOG.warning("last use of keys not noted", reason=error.message)


def _reason(error: ColonnadeError | ValidationError) -> str:
    if isinstance(error, ColonnadeError):
        return error.message
    return "; ".join(
        f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors(include_input=False)
    )


if __name__ == "__main__":
    sys.exit(main())
