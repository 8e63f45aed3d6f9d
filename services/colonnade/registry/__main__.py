"""``python -m colonnade.registry``: reads the settings, wires ports to adapters, serves until stopped."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from importlib.util import find_spec

from colonnade.api.registry.v1.catalogue_pb2_grpc import add_CatalogueServiceServicer_to_server
from colonnade.api.registry.v1.drafts_pb2_grpc import add_DraftServiceServicer_to_server
from colonnade.api.registry.v1.evaluations_pb2_grpc import add_EvaluationServiceServicer_to_server
from colonnade.api.registry.v1.events_pb2_grpc import add_EventServiceServicer_to_server
from colonnade.api.registry.v1.lineage_pb2_grpc import add_LineageServiceServicer_to_server
from colonnade.api.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from colonnade.api.registry.v1.rollouts_pb2_grpc import add_RolloutServiceServicer_to_server
from colonnade.api.registry.v1.seals_pb2_grpc import add_SealServiceServicer_to_server
from colonnade.api.registry.v1.upkeep_pb2_grpc import add_UpkeepServiceServicer_to_server
from colonnade.errors import InvalidArgument
from colonnade.registry.adapters.convert_process import COMMAND, ConvertProcess
from colonnade.registry.adapters.evaluator import Probes, ServedModel
from colonnade.registry.adapters.every_source import EverySource, Uploads
from colonnade.registry.adapters.key_pair import FileMarker, KeyPair
from colonnade.registry.adapters.loading import check_whole
from colonnade.registry.adapters.remote import RemoteSources
from colonnade.registry.adapters.sources import LocalSources
from colonnade.registry.adapters.spool import FolderSpool
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.adapters.sql_drafts import SqlDraftStore
from colonnade.registry.adapters.sql_evaluations import SqlEvaluationStore
from colonnade.registry.adapters.sql_events import SqlEventStore
from colonnade.registry.adapters.sql_lineage import SqlLineageStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.adapters.sql_seals import SqlSealStore
from colonnade.registry.adapters.sql_webhooks import SqlWebhookStore
from colonnade.registry.adapters.webhook_posts import OutboundDeliverer
from colonnade.registry.catalogue.service import Catalogue
from colonnade.registry.catalogue_servicer import FULL_NAME as CATALOGUE
from colonnade.registry.catalogue_servicer import CatalogueServicer
from colonnade.registry.domain import Reference
from colonnade.registry.draft_servicer import FULL_NAME as DRAFTS
from colonnade.registry.draft_servicer import DraftServicer
from colonnade.registry.drafts.runner import DraftRunner
from colonnade.registry.drafts.service import Drafts
from colonnade.registry.evaluation_servicer import FULL_NAME as EVALUATIONS
from colonnade.registry.evaluation_servicer import EvaluationServicer
from colonnade.registry.evaluations.service import Evaluations
from colonnade.registry.event_servicer import FULL_NAME as EVENTS
from colonnade.registry.event_servicer import EventServicer
from colonnade.registry.events.courier import Courier, Patience
from colonnade.registry.events.service import Events
from colonnade.registry.events.tail import Tail
from colonnade.registry.events.webhooks import Webhooks
from colonnade.registry.guarded import Guarded
from colonnade.registry.imports import Imports
from colonnade.registry.keeping import upkeep_of
from colonnade.registry.lineage.service import Lineage
from colonnade.registry.lineage_servicer import FULL_NAME as LINEAGE
from colonnade.registry.lineage_servicer import LineageServicer
from colonnade.registry.owners import Owners
from colonnade.registry.rollout_servicer import FULL_NAME as ROLLOUTS
from colonnade.registry.rollout_servicer import RolloutServicer
from colonnade.registry.rollouts.policies import policies_in
from colonnade.registry.rollouts.runner import Runner
from colonnade.registry.rollouts.service import Rollouts
from colonnade.registry.seal_servicer import FULL_NAME as SEALS
from colonnade.registry.seal_servicer import SealServicer
from colonnade.registry.seals.service import Seals
from colonnade.registry.service import Registry
from colonnade.registry.servicer import FULL_NAME, RegistryServicer
from colonnade.registry.settings import RegistrySettings
from colonnade.registry.upkeep_servicer import FULL_NAME as UPKEEP
from colonnade.rpc import Identity, Peer, Server, run_service, until_stopped
from colonnade.security.access.registry import RPCS
from colonnade.security.audit import AuditLog
from colonnade.security.outbound import Allowed, Outbound
from colonnade.security.seals import publish
from colonnade.storage.blobs import open_blobs
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, backend_of
from colonnade.supervise.home import Home
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
    identity = Identity(settings.service, settings.identity)
    async with AsyncExitStack() as stack:
        trail = stack.enter_context(closing(AuditLog(settings.audit, settings.service)))
        database = database_of(settings)
        stack.push_async_callback(database.close)
        await check_whole(database)
        await migrate(database, "colonnade.registry")
        blobs = open_blobs(settings.blobs, max_blob_bytes=settings.max_blob_bytes)
        importer = ConvertProcess(
            settings.workspaces, os.environ, command=convert,
            seconds=settings.import_seconds, threads=settings.import_threads,
        )  # fmt: skip
        importer.sweep()
        await blobs.check()
        await blobs.sweep()
        sealer = KeyPair.opened(
            settings.signing_key, settings.signing_key_password.get_secret_value(), settings.own_signing_key
        )
        store = SqlVersionStore(database, sealer)
        seals = Seals(SqlSealStore(database, sealer), sealer, trail, Owners(store))
        await seals.adopt(FileMarker(settings.sealed_once))
        publish(sealer.pair, Home(settings.home).trusted_keys)
        guarded = Guarded(store, settings.guarded)
        upkeep = await stack.enter_async_context(upkeep_of(settings, database, blobs, trail))
        registry = Registry(store, trail, default_model=settings.default_model, guarded=guarded)
        draft_store = SqlDraftStore(database)
        spool = FolderSpool(settings.spool, blobs)
        sources = sources_of(settings, draft_store, spool)
        imports = Imports(
            store, blobs, sources, importer, trail,
            max_waiting=settings.max_waiting_imports, guarded=guarded, claims=upkeep.claims,
        )  # fmt: skip
        draft_runner = DraftRunner(draft_store, days=settings.draft_days)
        await draft_runner.recover()
        drafts = Drafts(
            draft_store, store, spool, blobs, sources, imports, trail,
            bounds=settings.draft_bounds, wake=draft_runner.wake,
        )  # fmt: skip
        stack.push_async_callback(_ended, asyncio.create_task(draft_runner.run(drafts)))
        inference = await stack.enter_async_context(Peer("inference", settings.inference, identity))
        rollouts, runner = rollouts_of(settings, SqlRolloutStore(database), store, trail, inference)
        running = asyncio.create_task(runner.run())
        stack.push_async_callback(_ended, running)
        server = Server(settings.address, RPCS, identity)
        servicer = RegistryServicer(registry, imports, rollouts, seals)
        server.add(add_RegistryServiceServicer_to_server, servicer, FULL_NAME)
        server.add(add_RolloutServiceServicer_to_server, RolloutServicer(rollouts), ROLLOUTS)
        server.add(add_SealServiceServicer_to_server, SealServicer(seals), SEALS)
        catalogue = Catalogue(SqlCatalogueStore(database, sealer), Owners(store), trail)
        server.add(add_CatalogueServiceServicer_to_server, CatalogueServicer(catalogue), CATALOGUE)
        server.add(add_DraftServiceServicer_to_server, DraftServicer(drafts), DRAFTS)
        add_lineage(server, database, store, trail)
        events = await stack.enter_async_context(events_of(settings, database, trail, server))
        server.add(add_EventServiceServicer_to_server, events, EVENTS)
        server.add(add_UpkeepServiceServicer_to_server, upkeep.servicer, UPKEEP)
        yield server


def add_lineage(server: Server, database: Database, versions: SqlVersionStore, trail: AuditLog) -> None:
    """What versions came from, and what was measured of them."""
    owners = Owners(versions)
    lineage = Lineage(SqlLineageStore(database), versions, owners, trail)
    evaluations = Evaluations(SqlEvaluationStore(database), versions, owners, trail)
    server.add(add_LineageServiceServicer_to_server, LineageServicer(lineage), LINEAGE)
    server.add(add_EvaluationServiceServicer_to_server, EvaluationServicer(evaluations), EVALUATIONS)


def sources_of(settings: RegistrySettings, drafts: SqlDraftStore, spool: FolderSpool) -> EverySource:
    """What models may be imported from."""
    allowed = Allowed.parse(settings.import_urls, "COLONNADE_REGISTRY_IMPORT_URLS")
    remote = RemoteSources(
        Outbound(allowed), max_bytes=settings.max_fetch_bytes, seconds=settings.import_seconds
    )
    return EverySource(LocalSources(settings.roots), remote, Uploads(drafts, spool))


def rollouts_of(
    settings: RegistrySettings,
    store: SqlRolloutStore,
    versions: SqlVersionStore,
    trail: AuditLog,
    inference: Peer,
) -> tuple[Rollouts, Runner]:
    """What is asked of rollouts, and what drives them."""
    evaluator = ServedModel(inference, Probes.read(settings.probes_dir))
    runner = Runner(
        store, versions, evaluator, trail,
        tick_seconds=settings.rollout_tick_seconds, lease_seconds=settings.rollout_lease_seconds,
    )  # fmt: skip
    policies = policies_in(settings.policies_dir)
    if settings.default_policy not in policies:
        raise InvalidArgument(
            f"COLONNADE_REGISTRY_DEFAULT_POLICY must be one of {', '.join(sorted(policies))}", field="policy"
        )
    rollouts = Rollouts(
        store, versions, trail, policies, default_policy=settings.default_policy, wake=runner.wake
    )
    return rollouts, runner


@asynccontextmanager
async def events_of(
    settings: RegistrySettings, database: Database, trail: AuditLog, server: Server
) -> AsyncIterator[EventServicer]:
    """What is asked of events, who sees that there are new ones, and who tells webhooks of them."""
    store, webhooks = SqlEventStore(database), SqlWebhookStore(database)
    deliverer = OutboundDeliverer(
        Outbound(Allowed.parse(settings.webhook_urls, "COLONNADE_REGISTRY_WEBHOOK_URLS"))
    )
    tail = Tail(store, poll_seconds=settings.event_poll_seconds)
    courier = Courier(
        webhooks, store, tail, deliverer, trail,
        patience=Patience(give_up_seconds=settings.webhook_give_up_seconds),
        lease_seconds=settings.webhook_lease_seconds,
    )  # fmt: skip
    database.written = tail.wake
    server.on_stop(tail.close)
    running = [asyncio.create_task(work) for work in (tail.run(), courier.run())]
    try:
        yield EventServicer(
            Events(store, tail, max_watchers=settings.max_event_watchers),
            Webhooks(webhooks, deliverer, trail, wake=courier.wake),
        )
    finally:
        for task in running:
            await _ended(task)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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
