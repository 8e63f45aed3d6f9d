"""What every store of jobs does: in memory, on a file and on a real server."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from colonnade.errors import ColonnadeError, Conflict, NotFound, Overloaded
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from colonnade.training.adapters.sql_jobs import SqlJobStore
from colonnade.training.domain import (
    Event,
    Job,
    ModelVersion,
    Output,
    Progress,
    State,
    brought,
    cancelled,
    concluded,
    published,
    resumed,
    sealed,
    seen,
    started,
)
from colonnade.training.domain.worker import Ending
from colonnade.training.ports import Change, Filter, JobStore, LeaseLost
from tests.contract.conftest import KINDS
from tests.unit.training.fakes import EVE, RECIPE, START, MemoryJobStore, begun, job

LATER = START + timedelta(seconds=15)
ONCE = Once("acme/eve", "key-1", "f" * 64)


@pytest.fixture(params=("memory", *KINDS))
def store(request: pytest.FixtureRequest) -> JobStore:
    if request.param == "memory":
        return MemoryJobStore()
    opened: Callable[[str, str], Database] = request.getfixturevalue("opened")
    return SqlJobStore(opened(request.param, "colonnade.training"))


async def put(store: JobStore, found: Job, once: Once | None = None, most: int = 1000) -> Job:
    return await store.submit(found, RECIPE, begun(found), once, most_queued=most)


def to(act: Callable[[Job], Job], what: str = "x") -> Change:
    return lambda found: (act(found), Event(LATER, what, "acme/eve", "words"))


def start(found: Job) -> Job:
    return started(found, LATER)


def cancel(found: Job) -> Job:
    return cancelled(found, LATER, by="acme/eve")


async def test_a_job_is_kept_as_it_was_submitted(store: JobStore) -> None:
    found = job()
    assert await put(store, found) == found
    assert await store.find(found.id) == found
    assert await store.recipe(found.id) == RECIPE
    assert await store.events(found.id) == [Event(START, "submitted", "acme/eve")]
    assert await store.find("job_9") is None
    assert await store.events("job_9") == []
    with pytest.raises(NotFound, match="job_9"):
        await store.recipe("job_9")
    with pytest.raises(NotFound, match="job_9"):
        await store.change("job_9", to(start), at=LATER)


async def test_imports_wait_for_no_worker(store: JobStore) -> None:
    first, fetched = job(1, kind="evaluate"), job(2, kind="import")
    for found in (first, fetched):
        await put(store, found)
    assert [each.id for each in await store.waiting(5)] == [first.id]
    queued = Filter(kind="import", states=frozenset({State.QUEUED}))
    assert await store.page(queued, before="", limit=5) == [fetched]
    await store.change(fetched.id, to(start), at=LATER)
    assert [each.id for each in await store.publishing()] == [fetched.id]
    await store.change(fetched.id, to(cancel), at=LATER)
    assert [each.id for each in await store.under_way()] == [fetched.id]


async def test_every_field_comes_back(store: JobStore) -> None:
    found = replace(job(), retry_of="job_0", asked=replace(job().asked, source="https://host/model.gguf"))
    await put(store, found)
    seen_at = LATER + timedelta(microseconds=1)

    def lived(before: Job) -> Job:
        return seen(started(before, LATER), 1, Progress(3, {"loss": 0.1, "validation.loss": 1e-300}), seen_at)

    after = await store.change(found.id, to(lived), at=LATER)
    assert after == replace(lived(found), revision=2)
    assert await store.find(found.id) == after
    over = await store.change(
        found.id, to(lambda it: concluded(it, 1, Ending.REFUSED, "no\n'ü", LATER, most_lost=3)), at=LATER
    )
    assert await store.find(found.id) == over


async def test_a_hundred_copies_make_one_job(store: JobStore) -> None:
    copies = [job(number) for number in range(1, 101)]
    kept = await asyncio.gather(*(put(store, each, ONCE) for each in copies))
    assert len({each.id for each in kept}) == 1
    assert await store.page(Filter(), before="", limit=200) == [kept[0]]
    assert len(await store.events(kept[0].id)) == 1


async def test_a_key_is_its_owners_and_means_one_thing(store: JobStore) -> None:
    assert await store.recall(ONCE) is None
    first = await put(store, job(1), ONCE)
    assert await store.recall(ONCE) == first
    assert await store.recall(replace(ONCE, owner="acme/bob")) is None
    with pytest.raises(Conflict, match="something else"):
        await store.recall(replace(ONCE, fingerprint="e" * 64))
    with pytest.raises(Conflict, match="something else"):
        await put(store, job(2), replace(ONCE, fingerprint="e" * 64))
    other = await put(store, job(3, by="acme/bob"), replace(ONCE, owner="acme/bob"))
    assert other.id != first.id
    await put(store, job(4))
    await put(store, job(5))
    await store.change(first.id, to(cancel), at=LATER)
    assert (await put(store, job(6), ONCE)).state is State.CANCELLED


async def test_a_tenants_queue_has_an_end(store: JobStore) -> None:
    await put(store, job(1), ONCE, most=2)
    await put(store, job(2), most=2)
    with pytest.raises(Overloaded, match="COLONNADE_TRAINING_MAX_QUEUED") as refusal:
        await put(store, job(3), most=2)
    assert refusal.value.details["limit"] == 2
    assert (await put(store, job(3), ONCE, most=2)).id == job(1).id
    await put(store, job(4, by="globex/ann"), most=2)
    await store.change(job(1).id, to(start), at=LATER)
    await put(store, job(5), most=2)


async def test_the_end_of_a_queue_holds_for_all_who_come_at_once(store: JobStore) -> None:
    came = [put(store, job(number), most=5) for number in range(1, 21)]
    outcomes = await asyncio.gather(*came, return_exceptions=True)
    assert sum(isinstance(each, Overloaded) for each in outcomes) == 15
    assert len(await store.page(Filter(), before="", limit=50)) == 5


async def test_pages_newest_first_of_what_is_asked_for(store: JobStore) -> None:
    for number in range(1, 8):
        by = "globex/ann" if number > 5 else "acme/eve"
        await put(store, job(number, by=by, name="odd" if number % 2 else "even"))
    await store.change(job(2).id, to(start), at=LATER)
    await store.change(job(3).id, to(cancel), at=LATER)

    async def ids(wanted: Filter, before: str = "", limit: int = 50) -> list[int]:
        found = await store.page(wanted, before=before, limit=limit)
        return [int(each.id[4:], 16) for each in found]

    assert await ids(Filter()) == [7, 6, 5, 4, 3, 2, 1]
    assert await ids(Filter(), limit=2) == [7, 6]
    assert await ids(Filter(), before=job(6).id, limit=2) == [5, 4]
    assert await ids(Filter(tenant="acme")) == [5, 4, 3, 2, 1]
    assert await ids(Filter(tenant="acme", name="odd")) == [5, 3, 1]
    assert await ids(Filter(by="globex/ann")) == [7, 6]
    assert await ids(Filter(states=frozenset({State.RUNNING, State.CANCELLED}))) == [3, 2]
    assert await ids(Filter(kind="train", states=frozenset({State.FAILED}))) == []
    assert await ids(Filter(kind="import")) == []
    assert await ids(Filter(name="' OR 1=1 --")) == []


async def test_a_change_and_its_event_are_one(store: JobStore) -> None:
    await put(store, job())
    after = await store.change(job().id, to(start, "started"), at=LATER)
    assert (after.state, after.revision) == (State.RUNNING, 2)
    same = await store.change(job().id, lambda found: (found, None), at=LATER)
    assert same == after
    with pytest.raises(Conflict, match="running"):
        await store.change(job().id, to(start, "started"), at=LATER)
    assert [event.what for event in await store.events(job().id)] == ["submitted", "started"]
    await store.change(job().id, to(cancel, "stopping"), at=LATER)
    assert (await store.events(job().id))[-1] == Event(LATER, "stopping", "acme/eve", "words")


async def test_of_many_who_start_a_job_one_does(store: JobStore) -> None:
    await put(store, job())
    tries = [store.change(job().id, to(start, "started"), at=LATER) for _ in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Job) for each in outcomes) == 1
    assert all(isinstance(each, Job | Conflict) for each in outcomes)
    found = await store.find(job().id)
    assert found is not None
    assert (found.attempt, found.revision) == (1, 2)


async def test_who_has_a_worker_and_who_waits(store: JobStore) -> None:
    for number, priority in ((1, 0), (2, 5), (3, 0), (4, 5), (5, 9)):
        await put(store, job(number, priority=priority, by="globex/ann" if number == 5 else "acme/eve"))
    assert await store.under_way() == []
    assert [each.id for each in await store.waiting(10)] == [job(n).id for n in (2, 4, 1, 3, 5)]
    assert [each.id for each in await store.waiting(2)] == [job(n).id for n in (2, 4, 5)]
    assert [(each.tenant, each.priority) for each in await store.waiting(1)] == [("acme", 5), ("globex", 9)]
    running = await store.change(job(2).id, to(start), at=LATER)
    await store.change(job(3).id, to(start), at=LATER)
    stopping = await store.change(job(3).id, to(cancel), at=LATER)
    await store.change(job(4).id, to(cancel), at=LATER)
    assert await store.under_way() == [running, stopping]
    assert [each.id for each in await store.waiting(10)] == [job(1).id, job(5).id]
    await store.change(job(4).id, to(lambda found: resumed(found, LATER, by="x/y")), at=LATER)
    assert [each.id for each in await store.waiting(10)] == [job(n).id for n in (4, 1, 5)]


async def test_what_is_being_published(store: JobStore) -> None:
    version = ModelVersion("bard", 3, f"sha256:{'1' * 64}")
    asked = replace(job().asked, output=Output(register=True, model="bard"), brings={"model.from": "smol:3"})
    for number in (1, 2, 3):
        await put(store, replace(job(number), asked=asked, behalf=EVE, vouched_at=START))
    assert await store.publishing() == []

    def done(found: Job) -> Job:
        begun = brought(started(found, LATER), 1, "model.from", version)
        return concluded(begun, 1, Ending.DONE, "", LATER, most_lost=3)

    second, first = [await store.change(job(number).id, to(done), at=LATER) for number in (2, 1)]
    assert await store.publishing() == [first, second]
    assert await store.under_way() == []
    assert [each.id for each in await store.waiting(9)] == [job(3).id]
    after = await store.change(job(1).id, to(lambda found: sealed(found, 1, version)), at=LATER)
    assert await store.find(job(1).id) == after
    assert (after.produced, after.brought, after.behalf) == (version, {"model.from": version}, EVE)
    await store.change(job(1).id, to(lambda found: published(found, 1, "x", LATER)), at=LATER)
    assert await store.publishing() == [second]


async def test_one_hands_out_work(store: JobStore) -> None:
    await put(store, job())
    until = START + timedelta(seconds=10)
    assert await store.lease("a", START, until)
    assert not await store.lease("b", START + timedelta(seconds=9), LATER)
    assert await store.lease("a", START, until)
    with pytest.raises(LeaseLost):
        await store.change(job().id, to(start), at=START, holder="b")
    with pytest.raises(LeaseLost):
        await store.change(job().id, to(start), at=until, holder="a")
    assert (await store.change(job().id, to(start), at=START, holder="a")).attempt == 1
    assert await store.lease("b", until, until + timedelta(seconds=10))
    with pytest.raises(LeaseLost):
        await store.change(job().id, to(cancel), at=until, holder="a")
    await store.release("a")
    assert not await store.lease("a", until, LATER)
    await store.release("b")
    assert await store.lease("a", until, LATER)
    assert [event.what for event in await store.events(job().id)] == ["submitted", "x"]


async def test_of_many_who_want_the_lease_one_has_it(store: JobStore) -> None:
    tries = [store.lease(f"holder-{number}", START, LATER) for number in range(10)]
    assert sorted(await asyncio.gather(*tries)) == [False] * 9 + [True]


async def test_two_services_on_one_database_make_one_job_of_copies(
    new_url: Callable[[str, str], str],
) -> None:
    url = new_url("postgres", "colonnade.training")
    databases = [Database(url), Database(url)]
    try:
        stores = [SqlJobStore(each) for each in databases]
        copies = [put(stores[number % 2], job(number), ONCE) for number in range(1, 41)]
        kept: list[Job | ColonnadeError] = list(await asyncio.gather(*copies))
        assert len({each.id for each in kept if isinstance(each, Job)}) == 1
    finally:
        for each in databases:
            await each.close()
