"""What people and programs ask of jobs: once under a key, and of their own tenant's alone."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime

import pytest

from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unavailable,
)
from colonnade.security.identity import Principal, Role
from colonnade.training.domain import Ending, Job, State, concluded, started
from colonnade.training.ports import Filter
from colonnade.training.service import Bounds, Jobs, Order
from tests.unit.registry.fakes import MemoryTrail
from tests.unit.training.fakes import ANN, EVE, HOME, RECIPE, Clock, MemoryJobStore, MemoryJournal

LIMIT = 20.0


class House:
    def __init__(self) -> None:
        self.store, self.journal, self.trail, self.clock = (
            MemoryJobStore(), MemoryJournal(), MemoryTrail(), Clock(),
        )  # fmt: skip
        self.woken = 0
        self.jobs = Jobs(
            self.store, self.journal, self.trail, clock=self.clock, wake=self.wake,
            bounds=Bounds(most_queued=3, max_watchers=2, pause_seconds=0),
        )  # fmt: skip

    def wake(self) -> None:
        self.woken += 1

    async def submit(self, recipe: str = RECIPE, who: Principal = EVE, **more: object) -> Job:
        self.clock.pass_by(1)
        return await self.jobs.submit(Order(recipe, **more), who)  # type: ignore[arg-type]

    async def to(self, found: Job, act: Callable[[Job, datetime], Job]) -> Job:
        return await self.store.change(found.id, lambda job: (act(job, self.clock()), None), at=self.clock())

    async def ended(self, found: Job, ending: Ending = Ending.DONE) -> Job:
        await self.to(found, started)
        return await self.to(found, lambda job, now: concluded(job, 1, ending, "", now, most_lost=3))


@pytest.fixture
def house() -> House:
    return House()


async def test_a_submission_is_kept_told_and_recorded(house: House) -> None:
    found = await house.submit("name: plays\nsteps: 7\nx: 1\n", priority=5)
    assert (found.state, found.tenant, found.by) == (State.QUEUED, "acme", "acme/eve")
    assert (found.asked.kind, found.asked.name, found.asked.total_steps) == ("train", "plays", 7)
    assert found.asked.priority == 5
    detail = await house.jobs.get(found.id, EVE)
    assert (detail.job, detail.recipe) == (found, "name: plays\nsteps: 7\nx: 1\n")
    assert [event.what for event in detail.events] == ["submitted"]
    assert house.trail.outcomes == ["begun", "ok"]
    assert house.trail.records[-1][3]["job"] == found.id
    assert house.woken == 1


async def test_a_jobs_kind_is_its_recipes(house: House) -> None:
    recipe = "kind: import\nname: qwen\nsource: {url: 'https://host/model.gguf'}\n"
    for kind in ("", "import"):
        found = await house.submit(recipe, kind=kind)
        assert (found.asked.kind, found.asked.total_steps) == ("import", 0)
        assert found.asked.source == "https://host/model.gguf"
    train = await house.submit(kind="train")
    listed, _ = await house.jobs.page(Filter(kind="train"), EVE)
    assert [each.id for each in listed] == [train.id]
    assert house.trail.records[0][3]["kind"] == "import"


async def test_a_hundred_copies_make_one_job(house: House) -> None:
    kept = await asyncio.gather(*(house.submit(idempotency_key="k") for _ in range(100)))
    assert len({each.id for each in kept}) == len(house.store.jobs) == 1
    with pytest.raises(Conflict, match="something else"):
        await house.submit("name: other\nsteps: 7", idempotency_key="k")
    with pytest.raises(Conflict, match="something else"):
        await house.submit(priority=1, idempotency_key="k")
    assert (await house.submit(who=ANN, idempotency_key="k")).id != kept[0].id
    other = Principal("acme", "bob", EVE.roles)
    assert (await house.submit(who=other, idempotency_key="k")).id != kept[0].id


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (Order("- x"), "recipe"),
        (Order("name: plays"), "recipe.steps"),
        (Order(RECIPE, kind="evaluate"), "kind"),
        (Order(RECIPE, kind="other"), "kind"),
        (Order("kind: other\nname: plays"), "recipe.kind"),
        (Order("kind: import\nname: plays"), "recipe.source"),
        (Order(RECIPE, priority=101), "priority"),
        (Order(RECIPE, priority=-101), "priority"),
        (Order(RECIPE, idempotency_key="a b"), "idempotency_key"),
        (Order("x" * 300_000), "recipe"),
    ],
)
async def test_what_is_refused_leaves_no_trace(house: House, order: Order, field: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge)) as refusal:
        await house.jobs.submit(order, EVE)
    assert refusal.value.details["field"] == field
    assert house.store.jobs == {}
    assert house.trail.records == []


async def test_a_full_queue(house: House) -> None:
    for _ in range(3):
        await house.submit()
    with pytest.raises(Overloaded):
        await house.submit()
    assert house.trail.outcomes[-1] == "refused"
    await house.submit(who=ANN)


async def test_what_cannot_be_recorded_is_not_done(house: House) -> None:
    found = await house.submit()
    house.trail.failure = Unavailable("the audit log cannot be written")
    for act in (house.submit(), house.jobs.cancel(found.id, EVE)):
        with pytest.raises(Unavailable):
            await act
    assert house.store.jobs == {found.id: found}


async def test_a_tenant_sees_its_own_jobs(house: House) -> None:
    mine, other = await house.submit(), await house.submit(who=ANN)
    for act in (
        lambda: house.jobs.get(other.id, EVE),
        lambda: house.jobs.cancel(other.id, EVE),
        lambda: house.jobs.resume(other.id, EVE),
        lambda: house.jobs.retry(other.id, EVE),
        lambda: anext(house.jobs.entries(other.id, EVE)),
        lambda: house.jobs.get("job_0", EVE),
    ):
        with pytest.raises(NotFound, match="there is no job"):
            await act()
    assert house.store.jobs[other.id] == other
    assert (await house.jobs.page(Filter(), EVE))[0] == [mine]
    assert (await house.jobs.page(Filter(tenant="acme"), EVE))[0] == [mine]
    assert list((await house.jobs.page(Filter(tenant="globex"), EVE))[0]) == []
    service = Principal("platform", "gateway", frozenset({Role.SERVICE}))
    for all_seeing in (HOME, service):
        assert (await house.jobs.page(Filter(), all_seeing))[0] == [other, mine]
        assert (await house.jobs.page(Filter(tenant="globex"), all_seeing))[0] == [other]
        assert (await house.jobs.get(mine.id, all_seeing)).job == mine
    assert (await house.jobs.cancel(mine.id, HOME)).state is State.CANCELLED


async def test_pages(house: House) -> None:
    found = [(await house.submit(who=who)).id for who in (EVE, ANN, EVE, EVE)]
    mine, token = [found[0], found[2], found[3]], ""
    pages = []
    while True:
        page, token = await house.jobs.page(Filter(), EVE, page_size=1, page_token=token)
        pages.append([each.id for each in page])
        if not token:
            break
    assert pages == [[mine[2]], [mine[1]], [mine[0]]]
    assert [each.id for each in (await house.jobs.page(Filter(), EVE, page_size=3))[0]] == mine[::-1]
    for bad in ({"page_size": -1}, {"page_size": 10_000}, {"page_token": "x\ny"}, {"page_token": "x" * 65}):
        with pytest.raises(ColonnadeError):
            await house.jobs.page(Filter(), EVE, **bad)
    for wanted in (Filter(kind="bake"), Filter(name="\0"), Filter(by="x" * 513)):
        with pytest.raises((InvalidArgument, TooLarge)):
            await house.jobs.page(wanted, EVE)


async def test_cancel_and_resume(house: House) -> None:
    found = await house.submit()
    assert (await house.jobs.cancel(found.id, EVE, why="too dear")).why == "cancelled by acme/eve: too dear"
    assert (await house.jobs.cancel(found.id, EVE)).state is State.CANCELLED
    assert (await house.jobs.resume(found.id, EVE)).state is State.QUEUED
    detail = await house.jobs.get(found.id, EVE)
    assert [event.what for event in detail.events] == ["submitted", "cancelled", "queued"]
    with pytest.raises(Conflict, match="queued"):
        await house.jobs.resume(found.id, EVE)
    assert house.trail.records[-1][2] == "refused"
    with pytest.raises(TooLarge):
        await house.jobs.cancel(found.id, EVE, why="x" * 1001)


async def test_a_retry_is_a_new_job_once_under_a_key(house: House) -> None:
    found = await house.submit(priority=7)
    with pytest.raises(Conflict, match="queued; wait"):
        await house.jobs.retry(found.id, EVE)
    await house.ended(found)
    kept = [await house.jobs.retry(found.id, EVE, key="r") for _ in range(3)]
    assert len({each.id for each in kept}) == 1
    assert (kept[0].retry_of, kept[0].asked, kept[0].state) == (found.id, found.asked, State.QUEUED)
    assert (await house.jobs.get(kept[0].id, EVE)).recipe == RECIPE
    assert (await house.jobs.retry(found.id, EVE)).id != kept[0].id
    theirs = await house.jobs.retry(found.id, HOME)
    assert (theirs.tenant, theirs.by) == ("acme", "local/root")


async def test_what_an_erased_person_asked_for_is_not_done_again(house: House) -> None:
    found = await house.ended(await house.submit(), Ending.REFUSED)
    house.store.recipes[found.id] = ""
    for act in (house.jobs.retry, house.jobs.resume):
        with pytest.raises(Conflict, match="recipe was erased"):
            await act(found.id, EVE)
    assert (await house.jobs.get(found.id, EVE)).recipe == ""


async def test_a_retry_that_is_asked_again_is_the_same_one_though_the_first_job_goes_on(house: House) -> None:
    found = await house.ended(await house.submit(), Ending.REFUSED)
    again = await house.jobs.retry(found.id, EVE, key="r")
    await house.jobs.resume(found.id, EVE)
    assert await house.jobs.retry(found.id, EVE, key="r") == again
    with pytest.raises(Conflict, match="queued; wait"):
        await house.jobs.retry(found.id, EVE, key="another")


async def test_a_log_is_read_from_an_offset_to_what_is_there(house: House) -> None:
    found = await house.submit()
    assert [entry async for entry in house.jobs.entries(found.id, EVE)] == []
    for step in range(5):
        house.journal.tell(found.id, "step", step, loss=1.0)
    read = [entry async for entry in house.jobs.entries(found.id, EVE)]
    assert [entry.step for entry in read] == [0, 1, 2, 3, 4]
    rest = [entry.step async for entry in house.jobs.entries(found.id, EVE, offset=read[2].end)]
    assert rest == [3, 4]
    with pytest.raises(InvalidArgument, match="offset"):
        await anext(house.jobs.entries(found.id, EVE, offset=-1))


async def test_a_log_that_is_followed_ends_with_its_job(house: House) -> None:
    found = await house.submit()
    seen: list[int] = []

    async def follow() -> None:
        async for entry in house.jobs.entries(found.id, EVE, follow=True):
            seen.append(entry.step)

    following = asyncio.create_task(follow())
    async with asyncio.timeout(LIMIT):
        house.journal.tell(found.id, "step", 1)
        while not seen:  # noqa: ASYNC110 - of a stream
            await asyncio.sleep(0)
        assert not following.done()
        house.journal.tell(found.id, "step", 2)
        await house.ended(found)
        await following
    assert seen == [1, 2]


async def test_streams_end_when_the_service_is_about_to(house: House) -> None:
    found = await house.submit()
    house.journal.tell(found.id, "step", 1)
    following = house.jobs.entries(found.id, EVE, follow=True)
    async with asyncio.timeout(LIMIT):
        assert (await anext(following)).step == 1
        house.jobs.close()
        assert [entry async for entry in following] == []


async def test_there_are_so_many_streams_and_one_that_is_left_makes_room(house: House) -> None:
    found = await house.submit()
    house.journal.tell(found.id, "step", 1)
    first, second = (house.jobs.entries(found.id, EVE, follow=True) for _ in range(2))
    await anext(first)
    async with aclosing(second):
        await anext(second)
        with pytest.raises(Overloaded, match="COLONNADE_TRAINING_MAX_WATCHERS"):
            await anext(house.jobs.entries(found.id, EVE))
    assert [entry.step async for entry in house.jobs.entries(found.id, EVE)] == [1]
    await first.aclose()
