"""Wires upkeep: claims of writers, collections, backups."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from colonnade.registry.adapters.dump import SqlRecords
from colonnade.registry.adapters.places import below, open_place
from colonnade.registry.adapters.sql_claims import SqlClaimBook
from colonnade.registry.adapters.sql_upkeep import SqlUpkeepBook
from colonnade.registry.backups.taking import Backups, Destination
from colonnade.registry.ports import AuditTrail
from colonnade.registry.settings import RegistrySettings
from colonnade.registry.upkeep.claims import BlobClaims
from colonnade.registry.upkeep.collector import Collector
from colonnade.registry.upkeep.leases import Leases
from colonnade.registry.upkeep.schedule import Schedule
from colonnade.registry.upkeep_servicer import UpkeepServicer
from colonnade.storage.blobs import BlobStore
from colonnade.storage.sql import Database


@dataclass(frozen=True, slots=True)
class Upkeep:
    claims: BlobClaims
    servicer: UpkeepServicer


@asynccontextmanager
async def upkeep_of(
    settings: RegistrySettings, database: Database, blobs: BlobStore, trail: AuditTrail
) -> AsyncIterator[Upkeep]:
    """Collects by itself inside."""
    name = await asyncio.to_thread(_own_name, settings.data / "registry-id")
    book, records = SqlUpkeepBook(database), SqlRecords(database)
    await book.recover(name, freeing=not settings.blobs.url)
    leases = Leases(book, name)
    grace = timedelta(hours=settings.collect_grace_hours)
    collector = Collector(book, blobs, leases, trail, grace=grace)

    def destination(to: str) -> Destination:
        return open_place(below(settings.backups, to), settings.data / "backup-cache")

    backups = Backups(records, blobs, destination, book, leases, trail)
    running = asyncio.create_task(Schedule(collector, book, hours=settings.collect_hours).run())
    try:
        yield Upkeep(BlobClaims(SqlClaimBook(database), name), UpkeepServicer(collector, backups))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _own_name(path: Path) -> str:
    """What this registry is called among those that share its database, whichever process runs it."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".new")
        draft.write_text(uuid.uuid4().hex)
        draft.replace(path)
        return path.read_text()
