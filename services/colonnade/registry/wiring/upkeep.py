"""Wires upkeep: claims of writers, collections, backups."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from colonnade.api.registry.v1.upkeep_pb2_grpc import add_UpkeepServiceServicer_to_server
from colonnade.registry.adapters.dump import SqlRecords
from colonnade.registry.adapters.places import apart_from, below, open_place
from colonnade.registry.adapters.sql_claims import SqlClaimBook
from colonnade.registry.adapters.sql_upkeep import SqlUpkeepBook
from colonnade.registry.backups.taking import Backups, Destination
from colonnade.registry.servicers.upkeep import FULL_NAME, UpkeepServicer
from colonnade.registry.upkeep.claims import BlobClaims
from colonnade.registry.upkeep.collector import Collector
from colonnade.registry.upkeep.leases import Leases
from colonnade.registry.upkeep.schedule import Schedule
from colonnade.registry.wiring.ground import Ground
from colonnade.registry.wiring.tasks import beside
from colonnade.rpc import Server


@asynccontextmanager
async def upkeep_in(ground: Ground, server: Server) -> AsyncIterator[BlobClaims]:
    """Collects by itself inside. What it yields keeps a writer's blobs from being collected."""
    settings, database, blobs = ground.settings, ground.database, ground.blobs
    name = ground.name
    book, records = SqlUpkeepBook(database), SqlRecords(database)
    await book.recover(name, freeing=not settings.blobs.url)
    leases = Leases(book, name)
    grace = timedelta(hours=settings.collect_grace_hours)
    collector = Collector(book, blobs, leases, ground.trail, grace=grace)

    def destination(to: str) -> Destination:
        place = apart_from(below(settings.backups, to), settings.blobs)
        return open_place(place, settings.data / "backup-cache")

    backups = Backups(records, blobs, destination, book, leases, ground.trail)
    server.add(add_UpkeepServiceServicer_to_server, UpkeepServicer(collector, backups), FULL_NAME)
    async with beside(Schedule(collector, book, hours=settings.collect_hours).run()):
        yield BlobClaims(SqlClaimBook(database), name)
