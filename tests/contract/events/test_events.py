"""Every act is told in its own transaction: in the order of commits, without gaps, on both databases."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_events import SqlEventStore
from colonnade.registry.adapters.telling import tell
from colonnade.registry.domain import Reference, Target
from colonnade.registry.events.ports import Event, Wanted
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS, Urls
from tests.unit.registry.fakes import START, draft

ALL = Wanted()
WRITERS, ROUNDS = 6, 8


@dataclass
class Stores:
    database: Database
    events: SqlEventStore
    versions: SqlVersionStore

    async def move(self, alias: str, version: int) -> int:
        """The new revision."""
        moved = await self.versions.move_alias(
            "smol", alias, [Target(version, 100)], expected_revision=None, by="acme/eve", at=START
        )
        return moved.revision

    async def tell(self, kind: str, model: str = "", *, blobs: int = 0, seconds: float = 0) -> None:
        async def work(connection: AsyncConnection) -> None:
            await tell(connection, kind, by="acme/eve", at=START, model=model, blobs=blobs, seconds=seconds)

        await self.database.write(work)


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Stores:
    database = opened(request.param, "colonnade.registry")
    return Stores(database, SqlEventStore(database), SqlVersionStore(database))


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.kind for event in events]


async def test_nothing_has_happened_yet(stores: Stores) -> None:
    page = await stores.events.page(ALL, 0, 10)
    assert (page.events, page.last, page.full, page.seen) == ([], 0, False, 0)
    assert await stores.events.last() == 0


async def test_an_import_is_told_step_by_step(stores: Stores) -> None:
    version = await stores.versions.register(draft("smol", 1), alias="")
    page = await stores.events.page(ALL, 0, 10)
    made, registered, moved = page.events
    assert [event.number for event in page.events] == [1, 2, 3]
    assert kinds(page.events) == ["model.created", "version.registered", "alias.moved"]
    assert (registered.model, registered.version, registered.at) == ("smol", 1, START)
    assert registered.facts["digest"] == version.manifest.digest
    assert (made.by, made.tenant, made.alias) == ("acme/eve", registered.tenant, "")
    assert (moved.alias, moved.version, moved.facts) == (
        "production", 1, {"revision": "1", "targets": "1=100"},
    )  # fmt: skip


async def test_what_changes_nothing_is_no_event(stores: Stores) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    before = await stores.events.last()
    await stores.versions.register(draft("smol", 1), alias="")
    with pytest.raises(Conflict):
        await stores.versions.move_alias(
            "smol", "production", [Target(1, 100)], expected_revision=7, by="x", at=START
        )
    assert await stores.events.last() == before


async def test_an_import_with_new_words_tells_of_them_once(stores: Stores) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    before = await stores.events.last()
    for _ in range(2):
        await stores.versions.register(draft("smol", 1, description="small"), alias="")
    assert kinds((await stores.events.page(ALL, before, 9)).events) == ["model.described"]


async def test_a_transaction_that_fails_leaves_neither_act_nor_event(stores: Stores) -> None:
    async def work(connection: AsyncConnection) -> None:
        await tell(connection, "model.renamed", by="x", at=START, model="smol")
        raise Conflict("no")

    with pytest.raises(Conflict, match="no"):
        await stores.database.write(work)
    assert await stores.events.last() == 0


async def test_filters(stores: Stores) -> None:
    await stores.versions.register(draft("smol", 1), alias="")
    await stores.versions.register(draft("tiny", 2), alias="")
    await stores.tell("rollout.begun", "smol")
    await stores.tell("rollouts_.begun", "smol")
    await stores.tell("garbage.collected", blobs=3, seconds=0.5)

    async def found(models: Sequence[str] = (), named: Sequence[str] = ()) -> list[tuple[str, str]]:
        page = await stores.events.page(Wanted.checked(models, named), 0, 100)
        assert page.last == page.seen == await stores.events.last()
        everything = (await stores.events.page(ALL, 0, 100)).events
        wanted = Wanted.checked(models, named)
        assert list(page.events) == [event for event in everything if wanted.has(event)]
        return [(event.kind, event.model) for event in page.events]

    assert await found(["tiny"], ["alias.moved"]) == [("alias.moved", "tiny")]
    assert await found(named=["rollout.*"]) == [("rollout.begun", "smol")]
    assert await found(named=["rollout.begun", "model.*"]) == [
        ("model.created", "smol"), ("model.created", "tiny"), ("rollout.begun", "smol"),
    ]  # fmt: skip
    assert await found(["nobody"]) == []
    assert len(await found()) == 9
    (event,) = (await stores.events.page(Wanted(kinds=("garbage.collected",)), 0, 10)).events
    assert event.facts == {"blobs": "3", "seconds": "0.5"}


async def test_pages_follow_on_each_other(stores: Stores) -> None:
    for number in range(1, 6):
        await stores.tell("model.described", f"m{number % 2}")
    first = await stores.events.page(ALL, 0, 2)
    assert ([event.number for event in first.events], first.seen, first.full, first.last) == (
        [1, 2], 2, True, 5,
    )  # fmt: skip
    odd = await stores.events.page(Wanted(models=("m1",)), first.seen, 5)
    assert ([event.number for event in odd.events], odd.seen) == ([3, 5], 5)
    rest = await stores.events.page(ALL, 4, 5)
    assert ([event.number for event in rest.events], rest.full) == ([5], False)


async def test_many_writers_at_once_leave_no_gap_and_no_act_untold(stores: Stores) -> None:
    """A reader at the same time sees a growing beginning of the same sequence, never one with a hole."""
    for seed in (1, 2):
        await stores.versions.register(draft("smol", seed), alias="")
    before, done = await stores.events.last(), asyncio.Event()
    acts: list[tuple[str, int]] = []

    async def write(number: int) -> None:
        alias, dice = f"writer{number % 3}", random.Random(number)  # two writers share each alias
        for _ in range(ROUNDS):
            acts.append((alias, await stores.move(alias, dice.choice([1, 2]))))

    async def read() -> list[int]:
        seen = [before]
        while not done.is_set() or seen[-1] < await stores.events.last():
            page = await stores.events.page(ALL, seen[-1], 7)
            seen += [event.number for event in page.events]
            assert page.last >= seen[-1]
            await asyncio.sleep(0)
        return seen

    reading = asyncio.create_task(read())
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    done.set()
    seen = await reading
    assert seen == list(range(before, before + WRITERS * ROUNDS + 1))
    told = (await stores.events.page(ALL, before, 1000)).events
    assert sorted((event.alias, int(event.facts["revision"])) for event in told) == sorted(acts)
    for alias in {event.alias for event in told}:  # in the order of commits: each revision after the other
        revisions = [int(event.facts["revision"]) for event in told if event.alias == alias]
        assert revisions == sorted(revisions)
        last = [event for event in told if event.alias == alias][-1]
        ((manifest, _),) = await stores.versions.find_targets(Reference("smol", alias))
        assert manifest.version == last.version


async def test_two_registries_of_one_database_tell_one_sequence(new_url: Urls) -> None:
    url = new_url("postgres", "colonnade.registry")
    databases = [Database(url) for _ in range(2)]
    stores = [Stores(each, SqlEventStore(each), SqlVersionStore(each)) for each in databases]
    try:
        await stores[0].versions.register(draft("smol", 1), alias="")
        await asyncio.gather(*(stores[turn % 2].move(f"alias{turn % 5}", 1) for turn in range(20)))
        pages = [(await each.events.page(ALL, 0, 100)).events for each in stores]
        assert pages[0] == pages[1]
        assert [event.number for event in pages[0]] == list(range(1, 24))
        assert pages[0][-1].at - START < timedelta(seconds=1)
    finally:
        for each in databases:
            await each.close()
