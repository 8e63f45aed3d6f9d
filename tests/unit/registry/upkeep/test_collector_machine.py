"""Writers and collectors of two registries meet in every way: what a version names is there."""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import delete, select

from colonnade.errors import ColonnadeError
from colonnade.registry.adapters.naming import all_named
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_claims import SqlClaimBook
from colonnade.registry.adapters.sql_upkeep import SqlUpkeepBook
from colonnade.registry.adapters.tables import ALIASES, TARGETS, VERSIONS
from colonnade.registry.domain import Artefact, Content, Draft
from colonnade.registry.upkeep.claims import BlobClaims
from colonnade.registry.upkeep.collector import Collector
from colonnade.registry.upkeep.leases import Leases
from colonnade.registry.upkeep.ports import REMOVING
from colonnade.security.identity import Principal
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.registry.fakes import START, MemoryTrail
from tests.unit.registry.upkeep.stepping import SteppedBlobs, Steps, before

REGISTRIES = ("a" * 32, "b" * 32)
KINDS = (b"one", b"two")
CONTENTS = st.sets(st.sampled_from(KINDS), min_size=1)
WRITING = st.sampled_from(["register", "register", "put"])
COLLECTING = st.sampled_from(["the end", "the end", "delete"])
PRINCIPAL = Principal.service("registry")
GRACE = timedelta(0)


class Writers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copyfile(template(), self.folder / "registry.db")
        self.database = Database(sqlite_url(self.folder / "registry.db"))
        self.versions, self.upkeep = SqlVersionStore(self.database), SqlUpkeepBook(self.database)
        self.blobs, self.now, self.made = SteppedBlobs(), START, 0
        self.blobs.kept = {_digest(content): content for content in KINDS}  # a killed writer's
        self.writers: list[tuple[str, Steps]] = []
        self.collectors: list[tuple[str, Steps]] = []
        self.deleting_since: dict[Steps, Any] = {}
        self.begun: list[Steps] = []

    @rule(registry=st.sampled_from(REGISTRIES), contents=CONTENTS, until=WRITING)
    def begin_writing(self, registry: str, contents: set[bytes], until: str) -> None:
        self.writers.append((registry, self._stepping(lambda: self._write(registry, contents))))
        self._go_on(self.writers[-1][1], until)

    @rule(registry=st.sampled_from(REGISTRIES), until=COLLECTING)
    def begin_collecting(self, registry: str, until: str) -> None:
        """The second pass: a first one has marked what it found."""
        for end in ("the end", until):
            self.collectors.append((registry, self._stepping(lambda: self._collect(registry))))
            self._go_on(self.collectors[-1][1], end)

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def go_on_writing(self, data: st.DataObject) -> None:
        self._go_on(data.draw(st.sampled_from(self.writers))[1], "register")

    @precondition(lambda self: self.collectors)
    @rule(data=st.data(), until=COLLECTING)
    def go_on_collecting(self, data: st.DataObject, until: str) -> None:
        self._go_on(data.draw(st.sampled_from(self.collectors))[1], until)

    @rule(seconds=st.sampled_from([1, 200, 1000]))
    def wait(self, seconds: int) -> None:
        """Nobody deletes what it was about to delete a quarter of an hour ago: see the package."""
        self.now += timedelta(seconds=seconds)
        for each in [each for each in self.collectors if each[1].at == "delete" and not each[1].over]:
            if self.now - self.deleting_since[each[1]] >= REMOVING:
                self.collectors.remove(each)

    @rule()
    def delete_every_version(self) -> None:
        async def work(connection: Any) -> None:
            for table in (TARGETS, ALIASES, VERSIONS):
                await connection.execute(delete(table))

        self.runner.run(self.database.write(work))

    @rule(registry=st.sampled_from(REGISTRIES))
    def kill_and_start_again(self, registry: str) -> None:
        """What it was doing is never gone on with; its next process says so."""
        self.writers = [each for each in self.writers if each[0] != registry]
        self.collectors = [each for each in self.collectors if each[0] != registry]
        self.runner.run(self.upkeep.recover(registry, freeing=True))

    @invariant()
    def what_is_named_is_there(self) -> None:
        assert self.runner.run(self._named()) <= self.blobs.kept.keys()

    def teardown(self) -> None:
        self.runner.run(self._end())
        self.runner.close()
        shutil.rmtree(self.folder)

    def _stepping(self, work: Callable[[], Any]) -> Steps:
        async def begin() -> Steps:
            return Steps(work())

        self.begun.append(self.runner.run(begin()))
        return self.begun[-1]

    async def _end(self) -> None:
        await asyncio.gather(*(steps.stop() for steps in self.begun))
        await self.database.close()

    def _go_on(self, steps: Steps, until: str) -> None:
        """A step at least; until it waits before ``until``, or is over."""
        while not steps.over:
            self.runner.run(steps.on())
            self.deleting_since[steps] = self.now
            if steps.at.startswith(until):
                return

    async def _write(self, registry: str, contents: set[bytes]) -> None:
        claims = BlobClaims(
            SqlClaimBook(self.database), registry, patience_seconds=-1, clock=lambda: self.now
        )
        digests = [_digest(content) for content in sorted(contents)]
        with suppress(ColonnadeError):
            await before("begin")
            async with claims.open() as claim:
                await claim.add(digests)
                for content in sorted(contents):
                    await self.blobs.put_bytes(content)
                await before("register")
                await self.versions.register(self._draft(contents, digests), alias="", claim=claim.id)

    async def _collect(self, registry: str) -> None:
        leases = Leases(self.upkeep, registry, clock=lambda: self.now)
        collector = Collector(
            self.upkeep, self.blobs, leases, MemoryTrail(), grace=GRACE, clock=lambda: self.now,  # type: ignore[arg-type]
            monotonic=lambda: (self.now - START).total_seconds(),
        )  # fmt: skip
        with suppress(ColonnadeError):
            await before("begin")
            async for _ in collector.run(PRINCIPAL):
                pass

    def _draft(self, contents: set[bytes], digests: list[str]) -> Draft:
        self.made += 1
        artefacts = [Artefact(f"{each[7:]}.txt", each, 1) for each in digests]
        content = Content.of(
            family="transformer", parameters=1, size="1B", context_length=8, artefacts=artefacts
        )
        return Draft(f"model{self.made}", content, "/s", "sha256:s", "", START, "acme/eve")

    async def _named(self) -> set[str]:
        async with self.database.reading() as connection:
            assert await connection.scalar(select(1)) == 1
            return await all_named(connection)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@cache
def template() -> Path:
    path = Path(tempfile.mkdtemp()) / "registry.db"

    async def make() -> None:
        database = Database(sqlite_url(path))
        await migrate(database, "colonnade.registry")
        await database.close()

    asyncio.run(make())
    return path


TestWriters = Writers.TestCase
TestWriters.settings = settings(
    max_examples=50, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
