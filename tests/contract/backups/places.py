"""A registry's stores, and a place for its backups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from colonnade.registry.adapters.dump import SqlRecords, kept_tables
from colonnade.registry.adapters.loading import SqlLoad
from colonnade.registry.adapters.places import open_place
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.adapters.sql_upkeep import SqlUpkeepBook
from colonnade.registry.backups.keeping import listed
from colonnade.registry.backups.restoring import Restored, restored
from colonnade.registry.backups.taking import BackedUp, Backups, Destination
from colonnade.registry.domain import Artefact, Content, Draft, Target, Version
from colonnade.registry.rollouts.machine import begun
from colonnade.registry.rollouts.plan import Plan, Step
from colonnade.registry.rollouts.ports import Event, Record
from colonnade.registry.upkeep.leases import Leases
from colonnade.security.inputs.once import Once
from colonnade.storage.blobs import BlobStore
from colonnade.storage.sql import Database
from tests.unit.registry.fakes import ENGINEER, START, MemoryTrail


@dataclass
class Stores:
    """One registry."""

    database: Database
    blobs: BlobStore

    @property
    def versions(self) -> SqlVersionStore:
        return SqlVersionStore(self.database)

    async def register(self, name: str, seed: int, *, key: str = "") -> Version:
        """A version whose files are there."""
        files = {"colonnade.json": b"{}", "model.safetensors": f"weights {seed}".encode() * 100}
        kept = [(path, await self.blobs.put_bytes(content)) for path, content in files.items()]
        content = Content.of(
            family="transformer", parameters=seed, size="1B", context_length=8,
            artefacts=[Artefact(path, blob.digest, blob.size_bytes) for path, blob in kept],
        )  # fmt: skip
        draft = Draft(name, content, "/s", "sha256:s", f"Seed {seed}: \u00fc\n", START, "acme/eve")
        once = Once("acme/eve", key, "0" * 64) if key else None
        return await self.versions.register(draft, alias="", once=once)

    async def fill(self) -> None:
        """Models, aliases, a key, a rollout under way, and the events of all that."""
        for name in ("smol", "qwen"):
            for seed in (1, 2):
                await self.register(name, seed, key=f"{name}-{seed}")
        targets = [Target(1, 90), Target(2, 10)]
        for alias in ("canary", "gone"):
            await self.versions.move_alias(
                "smol", alias, targets, expected_revision=None, by="acme/eve", at=START
            )
        await self.versions.delete_alias("smol", "gone", by="acme/eve", at=START)
        plan = Plan(steps=(Step(10, 60),))

        def make(stable: Sequence[Target]) -> tuple[Record, Event]:
            rollout = begun("ro_1", "smol", "production", 2, stable, plan, START)
            return Record(rollout, "careful", START, "acme/eve", START), Event(START, "begun", "a/b", "why")

        await SqlRolloutStore(self.database).begin("smol", "production", make, None)

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All records."""
        async with self.database.reading() as connection:
            return {
                table.name: [
                    tuple(row)
                    for row in await connection.execute(select(table).order_by(*table.primary_key.columns))
                ]
                for table in kept_tables()
            }

    async def kept(self) -> set[str]:
        return {digest async for digest in self.blobs.digests()}


@dataclass
class Backing:
    """Backs up to a place, and restores from it."""

    url: str
    cache: Path
    now: datetime = START

    @property
    def destination(self) -> Destination:
        return open_place(self.url, self.cache)

    async def up(self, stores: Stores, *, keep: int = 0) -> BackedUp:
        book = SqlUpkeepBook(stores.database)
        leases = Leases(book, "r")
        backups = Backups(
            SqlRecords(stores.database), stores.blobs, lambda _: self.destination, book, leases, MemoryTrail()
        )
        steps = [step async for step in backups.run("", ENGINEER, keep=keep)]
        self.now += timedelta(seconds=1)
        return steps[-1]

    async def restore(self, stores: Stores, name: str = "") -> Restored:
        there = self.destination
        listing = await listed(there.place, name)
        steps = restored(there, listing, SqlLoad(stores.database), stores.blobs)
        return [step async for step in steps][-1]
