"""How versions come in: imports from folders and urls, and drafts that people fill themselves."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from colonnade.api.registry.v1.drafts_pb2_grpc import add_DraftServiceServicer_to_server
from colonnade.registry.adapters.convert_process import ConvertProcess
from colonnade.registry.adapters.every_source import EverySource, Uploads
from colonnade.registry.adapters.remote import RemoteSources
from colonnade.registry.adapters.sources import LocalSources
from colonnade.registry.adapters.spool import FolderSpool
from colonnade.registry.adapters.sql_drafts import SqlDraftStore
from colonnade.registry.drafts.runner import DraftRunner
from colonnade.registry.drafts.service import Drafts
from colonnade.registry.guarded import Guarded
from colonnade.registry.imports import Imports
from colonnade.registry.servicers.drafts import FULL_NAME, DraftServicer
from colonnade.registry.settings import RegistrySettings
from colonnade.registry.upkeep.claims import BlobClaims
from colonnade.registry.wiring.ground import Ground
from colonnade.registry.wiring.tasks import beside
from colonnade.rpc import Server
from colonnade.security.outbound import Allowed, Outbound


@asynccontextmanager
async def imports_in(
    ground: Ground, server: Server, guarded: Guarded, claims: BlobClaims, convert: Sequence[str]
) -> AsyncIterator[Imports]:
    """``convert`` is the command that imports run."""
    settings = ground.settings
    importer = ConvertProcess(
        settings.workspaces, os.environ, command=convert,
        seconds=settings.import_seconds, threads=settings.import_threads,
    )  # fmt: skip
    importer.sweep()
    store, spool = SqlDraftStore(ground.database, ground.name), FolderSpool(settings.spool, ground.blobs)
    sources = sources_of(settings, store, spool)
    imports = Imports(
        ground.versions, ground.blobs, sources, importer, ground.trail,
        max_waiting=settings.max_waiting_imports, guarded=guarded, claims=claims,
    )  # fmt: skip
    runner = DraftRunner(store, days=settings.draft_days)
    await runner.recover()
    drafts = Drafts(
        store, ground.versions, spool, ground.blobs, sources, imports, ground.trail,
        bounds=settings.draft_bounds, wake=runner.wake,
    )  # fmt: skip
    server.add(add_DraftServiceServicer_to_server, DraftServicer(drafts), FULL_NAME)
    async with beside(runner.run(drafts)):
        yield imports


def sources_of(settings: RegistrySettings, drafts: SqlDraftStore, spool: FolderSpool) -> EverySource:
    """What models may be imported from."""
    allowed = Allowed.parse(settings.import_urls, "COLONNADE_REGISTRY_IMPORT_URLS")
    remote = RemoteSources(
        Outbound(allowed), max_bytes=settings.max_fetch_bytes, seconds=settings.import_seconds
    )
    return EverySource(LocalSources(settings.roots), remote, Uploads(drafts, spool))
