"""``python -m colonnade.gateway``: wires ports to adapters and serves."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from colonnade.api.erasure.v1.erasure_pb2_grpc import add_ErasureServiceServicer_to_server
from colonnade.errors import ColonnadeError, PermissionDenied
from colonnade.gateway.adapters.adapting import EthicsAdaptations
from colonnade.gateway.adapters.bias import BiasReports
from colonnade.gateway.adapters.caches import InferenceCaches
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.catalogue import RegistryCatalogue
from colonnade.gateway.adapters.decisions import EthicsDecisions
from colonnade.gateway.adapters.drafts import RegistryDrafts
from colonnade.gateway.adapters.engines import InferenceEngines
from colonnade.gateway.adapters.erasing import GatewayEraser
from colonnade.gateway.adapters.erasures import MemoryErasures
from colonnade.gateway.adapters.evaluations import RegistryEvaluations
from colonnade.gateway.adapters.events import RegistryEvents
from colonnade.gateway.adapters.feedback import FeedbackService
from colonnade.gateway.adapters.file_contents import FolderContents
from colonnade.gateway.adapters.jobs import TrainingJobs
from colonnade.gateway.adapters.journal import Journal
from colonnade.gateway.adapters.limiter import MemoryLimiter, RedisLimiter
from colonnade.gateway.adapters.lineage import RegistryLineage
from colonnade.gateway.adapters.memory import MemoryService
from colonnade.gateway.adapters.policies import EthicsPolicies
from colonnade.gateway.adapters.probes import DefaultModelProbe, HealthProbe
from colonnade.gateway.adapters.registry import RegistryCatalog
from colonnade.gateway.adapters.rollouts import RegistryRollouts
from colonnade.gateway.adapters.screening import EthicsScreener
from colonnade.gateway.adapters.seals import RegistrySeals
from colonnade.gateway.adapters.sql import SqlKeyStore
from colonnade.gateway.adapters.sql_batches import SqlBatchStore
from colonnade.gateway.adapters.sql_files import SqlFileStore
from colonnade.gateway.adapters.sql_limits import SqlLimitStore
from colonnade.gateway.adapters.sql_usage import SqlUsageLedger
from colonnade.gateway.adapters.upkeep import GrpcUpkeep
from colonnade.gateway.http.app import build
from colonnade.gateway.http.openai.lines import LineAnswers
from colonnade.gateway.http.server import bind
from colonnade.gateway.http.server import serve as serve_http
from colonnade.gateway.ports import Audit, KeyStore, Limiter, LimitStore, OutcomeReports, UsageLedger
from colonnade.gateway.service.answers import Answers
from colonnade.gateway.service.batches import Asking, Batches, Files, Results, Runner, Workplace
from colonnade.gateway.service.caches import Caches
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.gateway.service.doorkeeper import Doorkeeper, utc_now
from colonnade.gateway.service.drafts import Drafts
from colonnade.gateway.service.events import Events
from colonnade.gateway.service.fair_use import Budgets, FairUse, LimitAdmin, LimitBook, UsageReports
from colonnade.gateway.service.feedback import FeedbackDesk
from colonnade.gateway.service.gateway import Gateway
from colonnade.gateway.service.jobs import Jobs
from colonnade.gateway.service.keys import Keys
from colonnade.gateway.service.lineage import Evaluations, Lineage
from colonnade.gateway.service.mlflow import Making, Mlflow, ModelVersions, RegisteredModels
from colonnade.gateway.service.models import Models
from colonnade.gateway.service.pipeline import Pipeline
from colonnade.gateway.service.preparing import Preparing
from colonnade.gateway.service.reading import Leftovers
from colonnade.gateway.service.resolver import Resolver
from colonnade.gateway.service.rollouts import Rollouts, Sightings
from colonnade.gateway.service.seals import Seals
from colonnade.gateway.service.upkeep import Upkeep
from colonnade.gateway.settings import GatewaySettings
from colonnade.gateway.way import pipeline
from colonnade.rpc import Identity, Peer, Server, run_service, until_stopped
from colonnade.rpc.erasure_servicer import FULL_NAME as ERASURE
from colonnade.rpc.erasure_servicer import ErasureServicer
from colonnade.security.access.gateway import ROUTES, RPCS
from colonnade.security.network import is_local_address
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, backend_of, micros
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_FLUSH_SECONDS = 30.0
_SWEEP_SECONDS = 3600.0
_USAGE_SECONDS = 1.0
_ROLLOUT_SECONDS = 1.0


async def serve(settings: GatewaySettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    async with composed(settings) as gateway:
        await gateway.doorkeeper.is_open()
        flushing = asyncio.create_task(_now_and_then(_FLUSH_SECONDS, gateway.doorkeeper.flush))
        sweeping = asyncio.create_task(_now_and_then(_SWEEP_SECONDS, gateway.files.sweep))
        try:
            listener = bind(settings.listen)
            _LOG.info("serving", address=settings.address, open=await gateway.doorkeeper.is_open())
            app = build(gateway, settings.http)
            await serve_http(app, listener, settings.http, _stopped(gateway), settings.drain_seconds)
        finally:
            flushing.cancel()
            sweeping.cancel()
            await gateway.doorkeeper.flush()


async def _stopped(gateway: Gateway) -> None:
    await until_stopped()
    gateway.events.close()
    gateway.jobs.close()


async def report(settings: GatewaySettings) -> dict[str, object]:
    """What would be used. Raises what would keep the gateway from starting."""
    async with key_store(settings) as store:
        await require_safe(settings, store)
        return {
            "database": backend_of(settings.database),
            "registry": settings.registry,
            "inference": settings.inference,
            "training": settings.training,
            "memory": settings.memory,
            "ethics": settings.ethics,
            "guard": settings.guard,
            "keys_required": bool(settings.bootstrap_key.get_secret_value()) or await store.ever(),
        }


@asynccontextmanager
async def composed(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """All ports on their adapters."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings))
        store = SqlKeyStore(database)
        await require_safe(settings, store)
        audit = stack.enter_context(settings.opened_audit())
        identity = Identity(settings.service, settings.identity)
        registry = await stack.enter_async_context(Peer("registry", settings.registry, identity))
        inference = await stack.enter_async_context(Peer("inference", settings.inference, identity))
        training = await stack.enter_async_context(Peer("training", settings.training, identity))
        remembering = await stack.enter_async_context(Peer("memory", settings.memory, identity))
        memory = MemoryService(Calls(remembering, identity))
        ethics = await stack.enter_async_context(Peer("ethics", settings.ethics, identity))
        screener, answers = EthicsScreener(Calls(ethics, identity)), Answers()
        asking = Calls(registry, identity)
        catalog = RegistryCatalog(asking)
        bootstrap = settings.bootstrap_key.get_secret_value()
        doorkeeper = Doorkeeper(store, ROUTES, bootstrap)
        limits = SqlLimitStore(database)
        ledger = await stack.enter_async_context(usage_ledger(database, settings))
        fair_use = await stack.enter_async_context(fair_use_of(limits, ledger, settings))
        leftovers = Leftovers()
        stack.push_async_callback(leftovers.close)
        calls = Calls(inference, identity)
        caches = Caches(InferenceCaches(settings.inference, identity), catalog, audit)
        resolver = Resolver(catalog, settings.resolution_seconds, left=caches.left)
        evaluations = RegistryEvaluations(asking)
        book = RegistryRollouts(asking)
        catalogue = RegistryCatalogue(asking)
        drafts = Drafts(RegistryDrafts(asking), catalogue, audit, resolver.forget)
        models = Models(catalog, audit, resolver.forget, caches)
        descriptions = Descriptions(catalogue, evaluations, audit, resolver.forget)
        lineage = Lineage(RegistryLineage(asking), audit)
        making = Making(drafts, descriptions, lineage)
        stack.push_async_callback(making.close)
        sightings = await stack.enter_async_context(sightings_of(book, caches))
        engines = InferenceEngines(calls)
        way = pipeline(
            doorkeeper,
            audit,
            resolver,
            calls,
            fair_use,
            leftovers,
            sightings,
            memory,
            screener,
            answers,
            settings,
        )
        files, batches = await stack.enter_async_context(
            batch_room(database, way, doorkeeper, audit, settings)
        )
        await stack.enter_async_context(
            erasing_in(settings, identity, GatewayEraser(
                database, FolderContents(settings.files), audit, doorkeeper.changed, lambda: micros(utc_now())
            ))
        )  # fmt: skip
        yield Gateway(
            pipeline=way,
            doorkeeper=doorkeeper,
            keys=Keys(store, audit, doorkeeper, has_bootstrap_key=bool(bootstrap)),
            models=models,
            caches=caches,
            engines=engines,
            preparing=Preparing(engines, catalog, audit),
            rollouts=Rollouts(book, audit, resolver.forget),
            seals=Seals(RegistrySeals(asking), audit),
            mlflow=Mlflow(
                RegisteredModels(models, descriptions),
                ModelVersions(models, descriptions, drafts, making),
            ),
            lineage=lineage,
            evaluations=Evaluations(evaluations, audit),
            descriptions=descriptions,
            drafts=drafts,
            memory=memory,
            erasures=MemoryErasures(Calls(remembering, identity)),
            policies=EthicsPolicies(Calls(ethics, identity)),
            decisions=EthicsDecisions(Calls(ethics, identity)),
            feedback=FeedbackDesk(FeedbackService(Calls(ethics, identity)), answers),
            bias=BiasReports(Calls(ethics, identity)),
            adaptations=EthicsAdaptations(Calls(ethics, identity)),
            jobs=Jobs(TrainingJobs(Calls(training, identity)), audit),
            events=Events(RegistryEvents(asking), audit),
            upkeep=Upkeep(GrpcUpkeep(asking), audit),
            limits=LimitAdmin(limits, store, fair_use, audit),
            usage=UsageReports(ledger),
            files=files,
            batches=batches,
            probes=(HealthProbe(registry), HealthProbe(inference), DefaultModelProbe(catalog)),
        )


@asynccontextmanager
async def erasing_in(
    settings: GatewaySettings, identity: Identity, eraser: GatewayEraser
) -> AsyncIterator[None]:
    """The door for other services: erasures are carried through over it, nothing else."""
    server = Server(settings.services_address, RPCS, identity)
    server.add(add_ErasureServiceServicer_to_server, ErasureServicer(eraser), ERASURE)
    await server.start()
    await server.ready(True)
    try:
        yield
    finally:
        await server.stop(0)


@asynccontextmanager
async def opened(settings: GatewaySettings) -> AsyncIterator[Database]:
    """The gateway's database, as this release has it."""
    database = Database(
        settings.database, connections=settings.database_connections, setting="COLONNADE_GATEWAY_DATABASE_URL"
    )
    try:
        await migrate(database, "colonnade.gateway")
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def key_store(settings: GatewaySettings) -> AsyncIterator[KeyStore]:
    async with opened(settings) as database:
        yield SqlKeyStore(database)


@asynccontextmanager
async def usage_ledger(database: Database, settings: GatewaySettings) -> AsyncIterator[UsageLedger]:
    """Written to the database once a second, and at the end; what a killed process left, at first."""
    journal = Journal(settings.data / "usage")
    ledger = SqlUsageLedger(database, journal)
    flushing = asyncio.create_task(_now_and_then(_USAGE_SECONDS, ledger.flush))
    try:
        yield ledger
    finally:
        flushing.cancel()
        try:
            await ledger.flush()
        finally:
            journal.close()


@asynccontextmanager
async def sightings_of(reports: OutcomeReports, caches: Caches) -> AsyncIterator[Sightings]:
    """What is seen of rollouts is told to the registry once a second, and at the end."""
    sightings = Sightings(reports)
    telling = [
        asyncio.create_task(_now_and_then(_ROLLOUT_SECONDS, work))
        for work in (sightings.report, caches.forget_former)
    ]
    try:
        yield sightings
    finally:
        for task in telling:
            task.cancel()
        with suppress(ColonnadeError):
            await sightings.report()


@asynccontextmanager
async def fair_use_of(
    store: LimitStore, ledger: UsageLedger, settings: GatewaySettings
) -> AsyncIterator[FairUse]:
    async with AsyncExitStack() as stack:
        limiter: Limiter = MemoryLimiter()
        if url := settings.redis_url.get_secret_value():
            limiter = shared = RedisLimiter(url, local_share=settings.redis_local_share)
            stack.push_async_callback(shared.close)
        fair_use = FairUse(LimitBook(store, settings.quotas), limiter, ledger, Budgets(ledger))
        stack.push_async_callback(fair_use.close)
        yield fair_use


@asynccontextmanager
async def batch_room(
    database: Database, way: Pipeline, doorkeeper: Doorkeeper, audit: Audit, settings: GatewaySettings
) -> AsyncIterator[tuple[Files, Batches]]:
    """Files and batches, and the one who works these off as long as the gateway runs."""
    store, contents, bounds = SqlBatchStore(database), FolderContents(settings.files), settings.bounds
    asking = Asking(LineAnswers(way), doorkeeper, bounds)
    runner = Runner(Workplace(store, contents, asking, Results(store, contents, utc_now), bounds, utc_now))
    files = Files(SqlFileStore(database), contents, audit, bounds)
    running = asyncio.create_task(runner.run())
    try:
        yield files, Batches(store, files, doorkeeper, audit, bounds, runner.wake)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def require_safe(settings: GatewaySettings, store: KeyStore) -> None:
    """Nobody but this machine may reach a gateway that asks for no key."""
    if is_local_address(settings.listen) or settings.bootstrap_key.get_secret_value() or await store.ever():
        return
    raise PermissionDenied(
        f"there is no API key yet, so the gateway listens on loopback only, not on {settings.listen}; "
        "create one with `colonnade keys create --role admin` first, or set COLONNADE_GATEWAY_BOOTSTRAP_KEY",
        field="listen",
    )


async def _now_and_then(seconds: float, flush: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await flush()
        except ColonnadeError as error:
            _LOG.warning("not written down yet; it will be tried again", reason=error.message)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(GatewaySettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
