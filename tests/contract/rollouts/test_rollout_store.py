"""What every rollout store does, on a file and on a real server: a rollout and its alias change as one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from colonnade.errors import ColonnadeError, Conflict, NotFound
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.domain import Reference, Target
from colonnade.registry.rollouts.machine import Rollout, begun, promoted, taken_back
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.plan import Bound, Gate, Plan, Probe, Step
from colonnade.registry.rollouts.ports import Event, LeaseLost, Record
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.unit.registry.fakes import START, draft

CANARY = Plan(steps=(Step(10, 60),))
GATED = Plan(gates=(Gate(Probe.TASKS, Bound(0.5)),))
ONE = Observed.answer(0.1, 9, 0.3)
LATER = START + timedelta(seconds=15)


@dataclass
class Stores:
    rollouts: SqlRolloutStore
    versions: SqlVersionStore

    async def begin(self, number: int = 1, plan: Plan = CANARY, once: Once | None = None) -> Record:
        def make(targets: Sequence[Target]) -> tuple[Record, Event]:
            rollout = begun(f"ro_{number}", "smol", "production", 2, targets, plan, START)
            return Record(rollout, "careful", START, "acme/eve", START), Event(
                START, "begun", "acme/eve", "why"
            )

        return await self.rollouts.begin("smol", "production", make, once)

    async def means(self) -> dict[int, int]:
        found = await self.versions.find_targets(Reference("smol", "production"))
        return {manifest.version: weight for manifest, weight in found}


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Stores:
    database = opened(request.param, "colonnade.registry")
    stores = Stores(SqlRolloutStore(database), SqlVersionStore(database))
    for seed in (1, 2):
        await stores.versions.register(draft("smol", seed), alias="")
    return stores


def to(
    act: Callable[[Rollout], Rollout], what: str = "x"
) -> Callable[[Record], tuple[Rollout, Event | None]]:
    return lambda record: (act(record.rollout), Event(LATER, what, "acme/eve"))


def promote(rollout: Rollout) -> Rollout:
    return promoted(rollout, LATER, by="acme/eve")


async def test_one_begins_and_its_alias_means_what_it_says(stores: Stores) -> None:
    record = await stores.begin()
    assert await stores.means() == {1: 90, 2: 10}
    assert await stores.rollouts.find("ro_1") == record
    assert await stores.rollouts.under_way("smol", "production") == record
    assert await stores.rollouts.events("ro_1") == [Event(START, "begun", "acme/eve", "why")]
    assert await stores.rollouts.find("ro_2") is None
    assert await stores.rollouts.under_way("smol", "other") is None


async def test_while_it_is_under_way_nobody_else_moves_the_alias(stores: Stores) -> None:
    await stores.begin(plan=GATED)
    with pytest.raises(Conflict, match="ro_1"):
        await stores.begin(2)
    targets = [Target(2, 100)]
    with pytest.raises(Conflict, match="ro_1"):
        await stores.versions.move_alias(
            "smol", "production", targets, expected_revision=None, by="x", at=START
        )
    with pytest.raises(Conflict, match="ro_1"):
        await stores.versions.delete_alias("smol", "production", by="x", at=START)
    with pytest.raises(Conflict, match="ro_1"):
        await stores.versions.register(draft("smol", 3), alias="production")
    assert await stores.means() == {1: 100}
    await stores.versions.move_alias("smol", "other", targets, expected_revision=None, by="x", at=START)
    back = to(lambda rollout: taken_back(rollout, LATER, by="x"))
    await stores.rollouts.change("ro_1", back, by="x", at=LATER)
    await stores.versions.move_alias("smol", "production", targets, expected_revision=None, by="x", at=START)
    assert await stores.means() == {2: 100}


async def test_what_is_not_there(stores: Stores) -> None:
    def make(targets: Sequence[Target]) -> tuple[Record, Event]:
        raise AssertionError("there is nothing to make one of")

    with pytest.raises(NotFound, match="nobody"):
        await stores.rollouts.begin("nobody", "production", make, None)
    with pytest.raises(NotFound, match="ro_9"):
        await stores.rollouts.change("ro_9", to(promote), by="x", at=LATER)


async def test_a_change_moves_the_alias_counts_and_is_told(stores: Stores) -> None:
    await stores.begin()
    after = await stores.rollouts.change("ro_1", to(promote, "promoted"), by="acme/ann", at=LATER)
    assert (after.revision, after.updated_at, after.rollout.state) == (2, LATER, "promoted")
    assert await stores.means() == {2: 100}
    assert [event.what for event in await stores.rollouts.events("ro_1")] == ["begun", "promoted"]
    assert await stores.rollouts.under_way("smol", "production") is None
    same = await stores.rollouts.change("ro_1", lambda record: (record.rollout, None), by="x", at=LATER)
    assert same == after


async def test_a_share_promotes_no_model_and_the_end_does(stores: Stores) -> None:
    """Which model requests mean that name none."""
    await stores.versions.register(draft("other", 3), alias="")
    await stores.begin()
    assert await stores.versions.find_promoted() == "other"
    back = to(lambda rollout: taken_back(rollout, LATER, by="x"))
    await stores.rollouts.change("ro_1", back, by="x", at=LATER)
    assert await stores.versions.find_promoted() == "other"
    await stores.begin(2, Plan(steps=(Step(100, 60),)))
    assert await stores.means() == {2: 100}
    assert await stores.versions.find_promoted() == "other"
    await stores.rollouts.change("ro_2", to(promote), by="x", at=LATER)
    assert await stores.versions.find_promoted() == "smol"


async def test_an_import_that_asked_for_no_alias_leaves_it_to_the_rollout(stores: Stores) -> None:
    await stores.versions.delete_alias("smol", "production", by="x", at=START)
    await stores.begin(plan=GATED)
    await stores.versions.register(draft("smol", 3), alias="")
    assert await stores.means() == {}
    with pytest.raises(Conflict, match="ro_1"):
        await stores.versions.register(draft("smol", 4), alias="production")


async def test_a_change_that_refuses_leaves_no_trace(stores: Stores) -> None:
    before = await stores.begin()

    def refuse(record: Record) -> tuple[Rollout, Event | None]:
        raise Conflict("no")

    with pytest.raises(Conflict, match="no"):
        await stores.rollouts.change("ro_1", refuse, by="x", at=LATER)
    assert await stores.rollouts.find("ro_1") == before
    assert await stores.means() == {1: 90, 2: 10}


async def test_one_key_begins_one(stores: Stores) -> None:
    once = Once("acme/eve", "key", "f" * 64)
    first = await stores.begin(1, once=once)
    assert await stores.begin(2, once=once) == first
    with pytest.raises(Conflict, match="key"):
        await stores.begin(2, once=replace(once, fingerprint="0" * 64))


async def test_of_many_that_begin_at_once_one_does(stores: Stores) -> None:
    found = await asyncio.gather(*(stores.begin(number) for number in range(1, 6)), return_exceptions=True)
    assert sum(isinstance(each, Record) for each in found) == 1
    assert all(isinstance(each, Record | Conflict) for each in found)


async def test_of_many_that_change_at_once_each_sees_the_others(stores: Stores) -> None:
    await stores.begin()

    def one_more(record: Record) -> tuple[Rollout, Event | None]:
        return replace(record.rollout, reason=record.rollout.reason + "x"), None

    changes = [stores.rollouts.change("ro_1", one_more, by="x", at=LATER) for _ in range(8)]
    await asyncio.gather(*changes)
    found = await stores.rollouts.find("ro_1")
    assert found is not None
    assert (found.rollout.reason, found.revision) == ("x" * 8, 9)


async def test_a_lease_is_one_holders_until_it_runs_out(stores: Stores) -> None:
    record = await stores.begin()
    rollouts = stores.rollouts
    assert await rollouts.claim("a", START, LATER) == record
    assert await rollouts.claim("b", START, LATER) is None
    assert await rollouts.renew("ro_1", "a", LATER + timedelta(seconds=9)) == record
    assert await rollouts.claim("b", LATER, LATER) is None
    with pytest.raises(LeaseLost):
        await rollouts.renew("ro_1", "b", LATER)
    with pytest.raises(LeaseLost):
        await rollouts.change("ro_1", to(promote), by="x", at=LATER, holder="b")
    await rollouts.release("ro_1", "b")
    assert await rollouts.claim("b", LATER, LATER) is None
    await rollouts.release("ro_1", "a")
    assert await rollouts.claim("b", LATER, datetime.max.replace(tzinfo=START.tzinfo)) == record
    await rollouts.change("ro_1", to(promote), by="x", at=LATER, holder="b")
    await rollouts.release("ro_1", "b")
    assert await rollouts.claim("a", LATER, LATER) is None, "it has ended"


async def test_who_starts_again_may_have_at_once_what_it_held(stores: Stores) -> None:
    record = await stores.begin()
    rollouts = stores.rollouts
    assert await rollouts.claim("a", START, LATER) == record
    await rollouts.release_all("b")
    assert await rollouts.claim("a", START, LATER) is None
    await rollouts.release_all("a")
    assert await rollouts.claim("a", START, LATER) == record


async def test_of_many_holders_one_gets_the_lease(stores: Stores) -> None:
    await stores.begin()
    claims = [stores.rollouts.claim(str(holder), START, LATER) for holder in range(6)]
    found = await asyncio.gather(*claims)
    assert sum(each is not None for each in found) == 1


async def test_reports_are_sums_of_instances_and_count_once(stores: Stores) -> None:
    await stores.begin()
    rollouts = stores.rollouts
    assert await rollouts.observed("ro_1", "p") == (Observed(), Observed())
    await rollouts.report("ro_1", "p", "one", ONE, ONE + ONE)
    await rollouts.report("ro_1", "p", "two", Observed.failure(), Observed())
    await rollouts.report("ro_1", "p", "one", ONE + ONE, ONE + ONE)
    await rollouts.report("ro_1", "p", "one", ONE, ONE)  # late
    await rollouts.report("ro_1", "q", "one", ONE, ONE)
    assert await rollouts.observed("ro_1", "p") == (ONE + ONE + Observed.failure(), ONE + ONE)
    await rollouts.report("ro_9", "p", "one", ONE, ONE)
    assert await rollouts.observed("ro_9", "p") == (Observed(), Observed())


async def test_pages_are_newest_first(stores: Stores) -> None:
    for number in (1, 2, 3):
        await stores.begin(number, replace(GATED, least_requests=number))
        if number < 3:
            back = to(lambda rollout: taken_back(rollout, LATER, by="x"))
            await stores.rollouts.change(f"ro_{number}", back, by="x", at=LATER)

    async def ids(model: str = "", under_way: bool = False, before: str = "", limit: int = 9) -> list[str]:
        found = await stores.rollouts.page(model=model, under_way=under_way, before=before, limit=limit)
        return [each.rollout.id for each in found]

    assert await ids() == await ids("smol") == ["ro_3", "ro_2", "ro_1"]
    assert await ids(limit=2) == ["ro_3", "ro_2"]
    assert await ids(before="ro_2") == ["ro_1"]
    assert await ids(under_way=True) == ["ro_3"]
    assert await ids("other") == []


async def test_refusals_are_ours(stores: Stores) -> None:
    with pytest.raises(ColonnadeError):
        await stores.rollouts.renew("ro_9", "a", LATER)
