"""Where policies and assignments are kept: the same on every database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from colonnade.errors import Conflict
from colonnade.ethics.policies_kept.domain import ArmKey, Assignment, Counts, KeptPolicy, Named, State
from colonnade.ethics.policies_kept.ports import Change
from colonnade.ethics.policies_kept.sql import SqlPolicies
from colonnade.security.inputs.once import Once
from tests.contract.conftest import KINDS, Opener

AT = datetime(2030, 1, 1, tzinfo=UTC)
ONE, TWO = Named("support", "sha256:1"), Named("support", "sha256:2")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, opened: Opener) -> SqlPolicies:
    return SqlPolicies(opened(request.param, "colonnade.ethics"))


def kept(named: Named, tenant: str = "acme") -> KeptPolicy:
    return KeptPolicy(tenant, named, AT, "ann", f"name: {named.name}")


def to(state: State, tenant: str = "acme", route: str = "*") -> Change:
    def change(held: Assignment | None, before: Assignment | None) -> Assignment:
        revision = held.revision if held else 0
        return Assignment(tenant, route, state, revision + 1, revision, AT, "ann", "because")

    return change


async def test_a_version_is_kept_once_and_the_newest_comes_first(store: SqlPolicies) -> None:
    assert await store.put(kept(ONE)) == (kept(ONE), True)
    assert (await store.put(kept(TWO)))[1]
    found, is_new = await store.put(replace(kept(ONE), by="bob", source="other"))
    assert (found, is_new) == (kept(ONE), False)
    assert [each.named for each in await store.versions("acme")] == [TWO, ONE]
    assert not await store.versions("acme", "other")
    assert not await store.versions("globex")
    assert await store.find("globex", ONE) is None


async def test_each_change_is_a_revision_and_the_last_one_holds(store: SqlPolicies) -> None:
    seen: list[tuple[Assignment | None, Assignment | None]] = []

    def watched(change: Change) -> Callable[[Assignment | None, Assignment | None], Assignment]:
        def work(held: Assignment | None, before: Assignment | None) -> Assignment:
            seen.append((held, before))
            return change(held, before)

        return work

    first = await store.assign("acme", "*", watched(to(State(ONE))), None)
    second = await store.assign("acme", "*", watched(to(State(ONE, TWO, 10, TWO))), None)
    await store.assign("acme", "*", watched(to(State(TWO))), None)
    assert seen == [(None, None), (first, None), (second, first)]
    await store.assign("globex", "*", to(State(ONE), "globex"), None)
    assert [(each.tenant, each.state) for each in await store.assignments()] == [
        ("acme", State(TWO)), ("globex", State(ONE)),
    ]  # fmt: skip
    assert [each.revision for each in await store.assignments("acme")] == [3]


async def test_a_key_assigns_once(store: SqlPolicies) -> None:
    once = Once.of("acme/ann", "k", "a")
    first = await store.assign("acme", "*", to(State(ONE)), once)
    assert await store.assign("acme", "*", to(State(TWO)), once) == first
    with pytest.raises(Conflict, match="used for something else"):
        await store.assign("acme", "*", to(State(TWO)), Once.of("acme/ann", "k", "b"))


async def test_what_was_counted_adds_up_until_the_next_revision(store: SqlPolicies) -> None:
    await store.assign("acme", "*", to(State(ONE, TWO, 10)), None)
    arm = ArmKey("acme", "*", 1, candidate=True)
    await store.count({arm: Counts(2, 1), replace(arm, candidate=False): Counts(5, 0)})
    await store.count({arm: Counts(1, 1)})
    assert await store.counts("acme") == {arm: Counts(3, 2), replace(arm, candidate=False): Counts(5, 0)}
    assert not await store.counts("globex")
    await store.assign("acme", "*", to(State(ONE)), None)
    assert not await store.counts()


async def test_who_is_erased_has_put_and_assigned_nothing(store: SqlPolicies) -> None:
    await store.put(kept(ONE))
    await store.assign("acme", "*", to(State(ONE)), Once.of("acme/ann", "k", "a"))
    assert [each[:2] for each in await store.held(("", ""), 9)] == [("acme", "ann")]
    assert await store.held(("acme", "ann"), 9) == []
    assert not any((await store.erase("globex", "ann")).values())
    assert await store.erase("acme", "ann") == {"policy_authors": 1, "policy_assignments": 1}
    assert not any((await store.erase("acme", "ann")).values())
    (assigned,) = await store.assignments()
    assert (assigned.by, assigned.why, assigned.state) == ("", "", State(ONE))
    assert [each.by for each in await store.versions("acme")] == [""]
    assert await store.held(("", ""), 9) == []
