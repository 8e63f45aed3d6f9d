"""``python -m colonnade.gateway``: wires ports to adapters and serves."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import SystemRandom

from colonnade.errors import ColonnadeError, PermissionDenied
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.engines import InferenceEngines
from colonnade.gateway.adapters.inference import InferenceGenerator
from colonnade.gateway.adapters.probes import DefaultModelProbe, HealthProbe
from colonnade.gateway.adapters.registry import RegistryCatalog
from colonnade.gateway.adapters.sql import SqlKeyStore
from colonnade.gateway.adapters.texts import InferenceTexts
from colonnade.gateway.domain.stand_ins import fallbacks_of, shadows_of
from colonnade.gateway.http.app import build
from colonnade.gateway.http.server import bind
from colonnade.gateway.http.server import serve as serve_http
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
    CallTools,
    CountUsage,
    DrawVersion,
    FitTexts,
    Generate,
    ReadTexts,
    ShapeAndSize,
    SpeakFor,
    StandIns,
)
from colonnade.gateway.settings import GatewaySettings
from colonnade.rpc import Identity, Peer, run_service, until_stopped
from colonnade.security.access.gateway import ROUTES
from colonnade.security.audit import AuditLog
from colonnade.security.network import is_local_address
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, backend_of
from colonnade.telemetry import get_logger
from colonnade.telemetry.metrics import GenAiMetrics

_LOG = get_logger(__name__)
_FLUSH_SECONDS = 30.0


async def serve(settings: GatewaySettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    async with composed(settings) as gateway:
        await gateway.doorkeeper.is_open()
        flushing = asyncio.create_task(_flush_now_and_then(gateway.doorkeeper))
        try:
            listener = bind(settings.listen)
            _LOG.info("serving", address=settings.address, open=await gateway.doorkeeper.is_open())
            app = build(gateway, settings.http)
            await serve_http(app, listener, settings.http, until_stopped(), settings.drain_seconds)
        finally:
            flushing.cancel()
            await gateway.doorkeeper.flush()


async def report(settings: GatewaySettings) -> dict[str, object]:
    """What would be used. Raises what would keep the gateway from starting."""
    async with key_store(settings) as store:
        await require_safe(settings, store)
        return {
            "database": backend_of(settings.database),
            "registry": settings.registry,
            "inference": settings.inference,
            "keys_required": bool(settings.bootstrap_key.get_secret_value()) or await store.ever(),
        }


@asynccontextmanager
async def composed(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """All ports on their adapters."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(key_store(settings))
        await require_safe(settings, store)
        audit = stack.enter_context(AuditLog(settings.audit, settings.service))
        identity = Identity(settings.service, settings.identity)
        registry = await stack.enter_async_context(Peer("registry", settings.registry, identity))
        inference = await stack.enter_async_context(Peer("inference", settings.inference, identity))
        catalog = RegistryCatalog(Calls(registry, identity))
        bootstrap = settings.bootstrap_key.get_secret_value()
        doorkeeper = Doorkeeper(store, ROUTES, bootstrap)
        yield Gateway(
            pipeline=pipeline(doorkeeper, audit, catalog, Calls(inference, identity), settings),
            doorkeeper=doorkeeper,
            keys=Keys(store, audit, doorkeeper, has_bootstrap_key=bool(bootstrap)),
            models=Models(catalog, audit),
            engines=InferenceEngines(Calls(inference, identity)),
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
    record, count, speak = AuditRecord(audit), CountUsage(GenAiMetrics()), SpeakFor()
    resolver, rng = Resolver(catalog), SystemRandom()
    draw = DrawVersion(resolver, rng)
    stand_ins = StandIns(resolver, rng, fallbacks_of(settings.fallbacks), shadows_of(settings.shadows))
    fit, read = FitTexts(settings.limits), ReadTexts(InferenceTexts(inference))
    generate = Generate(InferenceGenerator(inference))
    return Pipeline(
        admission=[Authenticate(doorkeeper), Authorise(doorkeeper)],
        generation=[record, count, ShapeAndSize(settings.limits), CallTools(), speak, draw, stand_ins, generate],
        embedding=[record, count, fit, speak, draw, read],
        scoring=[record, count, fit, speak, draw, read],
        encoding=[record, count, fit, speak, draw, read],
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


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(GatewaySettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
