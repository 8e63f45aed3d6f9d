"""Collections on every database and blob store: what something names stays, the rest goes in time."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, Unavailable
from colonnade.registry.adapters.event_tables import EVENTS
from colonnade.registry.adapters.naming import all_named
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_claims import SqlClaimBook
from colonnade.registry.adapters.sql_upkeep import SqlUpkeepBook
from colonnade.registry.adapters.tables import ALIASES, CONTENTS, TARGETS, VERSIONS
from colonnade.registry.domain import Artefact, Content, Draft
from colonnade.registry.upkeep.claims import BlobClaims
from colonnade.registry.upkeep.collector import Collected, Collector
from colonnade.registry.upkeep.leases import Leases
from colonnade.registry.upkeep.ports import REMOVING, Claim, LeaseLost
from colonnade.registry.upkeep.schedule import Schedule
from colonnade.storage.blobs import BlobPlace, BlobStore, open_blobs
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS, Opener
from tests.harness.s3 import S3
from tests.harness.s3 import s3 as running
from tests.unit.registry.fakes import ENGINEER, START, MemoryTrail

HOUR = timedelta(hours=1)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with running() as server:
        yield server


class Room:
    """One database and one blob store; as many registries as there are names."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self.database, self.blobs, self.now = database, blobs, START
        self.book, self.versions = SqlUpkeepBook(database), SqlVersionStore(database)
        self.trail = MemoryTrail()

    def clock(self) -> datetime:
        return self.now

    def claims(self, registry: str = "a", patience: float = -1) -> BlobClaims:
        book = SqlClaimBook(self.database)
        return BlobClaims(book, registry, patience_seconds=patience, clock=self.clock)

    def collector(self, registry: str = "a", grace: timedelta = HOUR) -> Collector:
        leases = Leases(self.book, registry, clock=self.clock)
        return Collector(self.book, self.blobs, leases, self.trail, grace=grace, clock=self.clock)

    async def collect(
        self, registry: str = "a", *, grace: timedelta = HOUR, dry_run: bool = False
    ) -> Collected:
        return [step async for step in self.collector(registry, grace).run(ENGINEER, dry_run=dry_run)][-1]

    async def put(self, claim: Claim, *contents: bytes) -> Content:
        blobs = [await self.blobs.put_bytes(content) for content in contents]
        artefacts = [Artefact(f"{each.digest[7:]}.txt", each.digest, each.size_bytes) for each in blobs]
        return Content.of(
            family="transformer", parameters=1, size="1B", context_length=8, artefacts=artefacts
        )

    async def register(self, name: str, content: Content, claim: str = "") -> None:
        draft = Draft(name, content, "/s", "sha256:s", "", START, "acme/eve")
        await self.versions.register(draft, alias="", claim=claim)

    async def write(self, name: str, *contents: bytes, registry: str = "a") -> None:
        async with self.claims(registry, patience=30).open() as claim:
            await claim.add([digest_of(content) for content in contents])
            await self.register(name, await self.put(claim, *contents), claim.id)

    async def forget(self, name: str) -> None:
        """All versions of a model."""

        async def work(connection: AsyncConnection) -> None:
            for table in (TARGETS, ALIASES, VERSIONS):
                await connection.execute(delete(table).where(table.c.model == name))

        await self.database.write(work)

    async def kept(self) -> set[str]:
        return {digest async for digest in self.blobs.digests()}

    async def named(self) -> set[str]:
        async with self.database.reading() as connection:
            return await all_named(connection)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    url = ""
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        url = server.url(f"{tmp_path.name}/blobs")
    return open_blobs(BlobPlace(url, tmp_path / "blobs", tmp_path / "cache"))


@pytest.fixture(params=KINDS)
def room(request: pytest.FixtureRequest, opened: Opener, blobs: BlobStore) -> Room:
    return Room(opened(request.param, "colonnade.registry"), blobs)


async def test_what_a_version_names_stays_and_the_rest_goes_in_time(room: Room) -> None:
    await room.write("smol", b"named")
    left = await room.blobs.put_bytes(b"left by a killed import")
    first = await room.collect()
    assert (first.looked_at, first.removed, first.waiting) == (2, 0, 1)
    room.now += HOUR / 2
    assert (await room.collect()).removed == 0
    room.now += HOUR / 2
    would = await room.collect(dry_run=True)
    assert (would.removed, would.removed_bytes) == (1, left.size_bytes)
    assert await room.blobs.exists(left.digest)
    done = await room.collect()
    assert (done.removed, done.removed_bytes, done.done) == (1, left.size_bytes, True)
    assert await room.kept() == {digest_of(b"named")}


async def test_the_grace_period_begins_when_the_last_name_goes(room: Room) -> None:
    await room.write("smol", b"shared", b"own")
    await room.write("qwen", b"shared")
    await room.collect()
    room.now += HOUR * 2
    await room.forget("smol")
    assert (await room.collect()).removed == 0
    async with room.database.reading() as connection:
        assert len((await connection.execute(CONTENTS.select())).all()) == 1
    room.now += HOUR
    assert (await room.collect()).removed == 1
    assert await room.kept() == {digest_of(b"shared")}


async def test_what_was_named_again_meanwhile_begins_anew(room: Room) -> None:
    await room.blobs.put_bytes(b"left")
    await room.collect()
    room.now += HOUR
    await room.write("smol", b"left")
    await room.forget("smol")
    assert (await room.collect()).removed == 0


async def test_what_a_living_writer_claims_stays(room: Room) -> None:
    await room.blobs.put_bytes(b"left")
    await room.collect(grace=timedelta(0))
    async with room.claims("b").open() as claim:
        await claim.add([digest_of(b"left")])
        for _ in range(2):
            assert (await room.collect(grace=timedelta(0))).removed == 0
        await room.register("smol", await room.put(claim, b"left"), claim.id)
    assert await room.named() == await room.kept()


async def test_who_was_held_up_for_too_long_registers_nothing(room: Room) -> None:
    async with room.claims("b").open() as claim:
        await claim.add([digest_of(b"late")])
        content = await room.put(claim, b"late")
        room.now += HOUR
        for _ in range(2):
            await room.collect(grace=timedelta(0))
        with pytest.raises(Unavailable):
            await room.register("smol", content, claim.id)
        with pytest.raises(LeaseLost):
            await claim.add([digest_of(b"late")])
    assert (await room.named(), await room.kept()) == (set(), set())


async def test_a_claim_of_other_files_is_none(room: Room) -> None:
    async with room.claims().open() as claim:
        await claim.add([digest_of(b"one")])
        with pytest.raises(Unavailable):
            await room.register("smol", await room.put(claim, b"two"), claim.id)


async def test_what_is_being_removed_is_waited_for(room: Room) -> None:
    """Condemned by a registry that is gone: its next process sets it free, or time does."""
    left = (await room.blobs.put_bytes(b"left")).digest
    for _ in range(2):
        await room.book.look([left], room.now, room.now)
    await room.book.lease("gone/1", room.now, room.now + HOUR)
    assert await room.book.condemn("gone/1", [left], room.now, room.now) == [left]
    async with room.claims().open() as claim:
        with pytest.raises(Unavailable):
            await claim.add([left])
        with pytest.raises(Unavailable):  # nor without a claim
            await room.register("smol", await room.put(claim, b"left"))
        await room.book.recover("gone", freeing=True)
        await claim.add([left])
        await room.register("smol", await room.put(claim, b"left"), claim.id)


async def test_time_sets_free_what_was_condemned(room: Room) -> None:
    left = (await room.blobs.put_bytes(b"left")).digest
    for _ in range(2):
        await room.book.look([left], room.now, room.now)
    await room.book.lease("gone/1", room.now, room.now + HOUR / 60)
    await room.book.condemn("gone/1", [left], room.now, room.now)
    await room.book.recover("gone", freeing=False)
    assert (await room.collect(grace=timedelta(0))).removed == 0
    room.now += REMOVING
    assert (await room.collect(grace=timedelta(0))).removed == 1


async def test_one_collects_at_a_time(room: Room) -> None:
    async with Leases(room.book, "a", clock=room.clock).held() as holder:
        with pytest.raises(Conflict):
            await room.collect("b")
        room.now += HOUR  # it has died
        await room.collect("b")
        with pytest.raises(LeaseLost):
            await room.book.condemn(holder, [], room.now, room.now)
    outcomes = [outcome for _, _, outcome, _ in room.trail.records]
    assert outcomes == ["begun", "refused", "begun", "ok"]


async def test_by_itself_once_in_a_while_at_one_of_them(room: Room) -> None:
    schedules = [Schedule(room.collector(name), room.book, hours=2, clock=room.clock) for name in ("a", "b")]
    turns = []
    for _ in range(5):
        for schedule in schedules:
            await schedule.turn()
        turns.append(len(room.trail.records) // 2)
        room.now += HOUR
    assert turns == [0, 0, 1, 1, 2]


async def test_what_is_removed_is_told(room: Room) -> None:
    await room.blobs.put_bytes(b"left")
    for _ in range(2):
        await room.collect(grace=timedelta(0))
    async with room.database.reading() as connection:
        kinds = [row.kind for row in await connection.execute(EVENTS.select())]
    assert kinds == ["garbage.collected"]


@pytest.mark.timeout(300)
async def test_writers_of_equal_content_and_collectors_without_grace(room: Room) -> None:
    """Two registries, each with writers and a collector; versions come and go."""
    rounds, over, registered, refused = 12, asyncio.Event(), 0, 0

    async def keep_writing(number: int) -> None:
        nonlocal registered, refused
        for turn in range(rounds):
            contents = [b"shared", f"content {(number + turn) % 3}".encode()]
            try:
                await room.write(f"model{number}", *contents, registry="ab"[number % 2])
                registered += 1
                await _all_there(room)
            except Unavailable:
                refused += 1
            if turn % 2:
                await room.forget(f"model{number}")

    async def keep_collecting(registry: str) -> None:
        while not over.is_set():
            with suppress(Conflict, LeaseLost):
                await room.collect(registry, grace=timedelta(0))
            await asyncio.sleep(0)

    collecting = [asyncio.create_task(keep_collecting(name)) for name in "ab"]
    await asyncio.gather(*(keep_writing(number) for number in range(4)))
    over.set()
    await asyncio.gather(*collecting)
    await _all_there(room)
    assert registered > 2 * rounds
    assert registered + refused == 4 * rounds


async def _all_there(room: Room) -> None:
    for digest in await room.named():
        assert await room.blobs.exists(digest) or digest not in await room.named()
