"""Webhooks are told in order, each event at least once, whoever fails or dies on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from colonnade.errors import Conflict, NotFound, PermissionDenied
from colonnade.registry.events.courier import Courier, Patience
from colonnade.registry.events.ports import LeaseLost, Wanted
from colonnade.registry.events.webhook import Webhook
from colonnade.registry.events.webhooks import WebhookOrder, Webhooks
from colonnade.registry.service import utc_now
from colonnade.security.envelope import Keyring
from colonnade.security.identity import Principal, Role
from tests.unit.registry.events.stores import LIMIT, SECRETS, Kept, Receiver, kept
from tests.unit.registry.fakes import MemoryTrail

ADMIN = Principal("acme", "ann", frozenset({Role.ADMIN}))
OTHER = Principal("globex", "bob", frozenset({Role.ADMIN}))
HOME = Principal("local", "root", frozenset({Role.ADMIN}))
A, B = "https://a", "https://b"
SOON = Patience(first_seconds=0.001, longest_seconds=0.01, give_up_seconds=3600)


class World:
    def __init__(self, house: Kept) -> None:
        self.house = house
        self.receiver, self.trail = Receiver(), MemoryTrail()
        self.use = Webhooks(house.webhooks, SECRETS, self.receiver, self.trail, most=4)

    async def hook(self, url: str = A, *kinds: str, after: int | None = 0, key: str = "") -> Webhook:
        return (await self.use.create(WebhookOrder(url, (), kinds, after, key), ADMIN))[0]

    async def look(self, webhook_id: str) -> Webhook:
        found, _ = await self.use.all(HOME)
        return next(each for each in found if each.id == webhook_id)

    async def until(self, webhook_id: str, wanted: Callable[[Webhook], bool]) -> Webhook:
        async with asyncio.timeout(LIMIT):
            while not wanted(found := await self.look(webhook_id)):  # noqa: ASYNC110 - in a database
                await asyncio.sleep(0.005)
        return found

    def courier(self, patience: Patience = SOON, clock: Callable[[], datetime] = utc_now) -> Courier:
        house = self.house
        return Courier(
            house.webhooks, SECRETS, house.events, house.tail, self.receiver, self.trail,
            patience=patience, lease_seconds=3, tick_seconds=0.01, clock=clock,
        )  # fmt: skip

    @asynccontextmanager
    async def delivering(self, patience: Patience = SOON) -> AsyncIterator[None]:
        running = asyncio.create_task(self.courier(patience).run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with kept(tmp_path) as house:
        yield World(house)


async def test_events_come_in_order_and_signed(world: World) -> None:
    await world.house.tell("model.created", "alias.moved")
    hook = await world.hook()
    async with world.delivering():
        await world.house.tell(*["alias.moved"] * 120)
        await world.house.tell("rollout.step")
        await world.receiver.until(lambda: len(world.receiver.got) == 123)
        await world.until(hook.id, lambda each: each.delivered == 123)
    assert world.receiver.numbers(A) == list(range(1, 124))
    world.receiver.verify(SECRETS.open(hook), A)
    assert len({headers["webhook-id"] for _, headers, _, _ in world.receiver.got}) == 123


async def test_only_what_is_wanted_and_from_now_on(world: World) -> None:
    await world.house.tell("alias.moved", "alias.moved")
    hook = await world.hook(A, "alias.*", after=None)
    assert hook.delivered == 2
    async with world.delivering():
        await world.house.tell("rollout.step", "alias.deleted")
        await world.receiver.until(lambda: bool(world.receiver.got))
    assert world.receiver.numbers(A) == [4]


async def test_a_failure_is_tried_again_under_the_same_id_and_those_after_it_wait(world: World) -> None:
    world.receiver.says[A] = [500, 0, 302, 404, 200, 503, 200]
    hook = await world.hook()
    async with world.delivering():
        await world.house.tell("alias.moved", "alias.moved", "alias.moved")
        await world.until(hook.id, lambda each: each.delivered == 3)
    assert world.receiver.numbers(A, taken=False) == [1, 1, 1, 1, 1, 2, 2, 3]
    assert world.receiver.numbers(A) == [1, 2, 3]
    ids = [headers["webhook-id"] for _, headers, _, _ in world.receiver.got]
    assert len(set(ids[:5])) == 1
    assert len(set(ids)) == 3
    world.receiver.verify(SECRETS.open(hook), A)
    found = await world.look(hook.id)
    assert (found.failures, found.last_error, found.state) == (0, "", "active")


async def test_a_dead_receiver_keeps_nobody_else_waiting(world: World) -> None:
    world.receiver.says[A] = [0] * 100_000
    dead, alive = await world.hook(A), await world.hook(B)
    async with world.delivering():
        await world.house.tell(*["alias.moved"] * 20)
        await world.until(alive.id, lambda each: each.delivered == 20)
        found = await world.until(dead.id, lambda each: each.failures >= 3)
    assert (found.delivered, found.state) == (0, "active")
    assert found.last_error == "the other server cannot be reached, or broke off"


async def test_one_that_fails_too_long_is_given_up_and_goes_on_where_it_stopped(world: World) -> None:
    world.receiver.says[A] = [200, *[500] * 100_000]
    hook = await world.hook()
    await world.house.tell("alias.moved", "alias.moved", "alias.moved")
    async with world.delivering(Patience(0.001, 0.002, give_up_seconds=0.05)):
        found = await world.until(hook.id, lambda each: each.state == "given_up")
        assert (found.delivered, found.last_error) == (1, "the receiver answered 500")
        world.receiver.says.clear()
        world.receiver.got.clear()
        resumed = await world.use.resume(hook.id, ADMIN)
        assert (resumed.state, resumed.failures) == ("active", 0)
        await world.until(hook.id, lambda each: each.delivered == 3)
    assert world.receiver.numbers(A) == [2, 3]
    acts = [record[0] for record in world.trail.records]
    assert {"registry.webhook.create", "registry.webhook.give_up", "registry.webhook.resume"} <= set(acts)


async def test_a_receiver_is_left_alone_for_as_long_as_it_asks(world: World) -> None:
    world.receiver.says[A], world.receiver.asks = [503], timedelta(minutes=7)
    hook = await world.hook()
    await world.house.tell("alias.moved")
    async with world.delivering():
        found = await world.until(hook.id, lambda each: each.failures == 1)
    assert found.next_try is not None
    assert found.failing_since is not None
    assert found.next_try - found.failing_since == timedelta(minutes=7)


async def test_what_cannot_be_signed_is_not_sent_and_the_webhook_says_why(world: World) -> None:
    hook = await world.hook()
    await world.house.webhooks.reseal(hook, Keyring([b"x" * 32], "F").seal(b"whsec_x", "registry.webhook"))
    await world.house.tell("alias.moved")
    async with world.delivering():
        found = await world.until(hook.id, lambda each: each.failures > 0)
    assert (found.delivered, world.receiver.got) == (0, [])
    assert "THE_KEY_FILE: put that key back" in found.last_error


async def test_one_that_is_gone_is_given_up_at_once(world: World) -> None:
    world.receiver.says[A] = [410]
    hook = await world.hook()
    await world.house.tell("alias.moved")
    async with world.delivering():
        found = await world.until(hook.id, lambda each: each.state == "given_up")
    assert (found.failures, found.last_error) == (1, "the receiver answered 410")


async def test_resuming_does_not_wait_for_the_next_try(world: World) -> None:
    world.receiver.says[A] = [500]
    hook = await world.hook()
    await world.house.tell("alias.moved")
    async with world.delivering(Patience(first_seconds=3600, longest_seconds=3600)):
        await world.until(hook.id, lambda each: each.failures == 1)
        await world.use.resume(hook.id, ADMIN)
        await world.until(hook.id, lambda each: each.delivered == 1)


async def test_a_deleted_one_is_told_nothing_more(world: World) -> None:
    world.receiver.says[A] = [500] * 100_000
    hook = await world.hook()
    await world.house.tell("alias.moved")
    async with world.delivering():
        await world.receiver.until(lambda: len(world.receiver.got) > 1)
        await world.use.delete(hook.id, ADMIN)
        other = await world.hook(B)
        await world.until(other.id, lambda each: each.delivered == 1)
        told = len(world.receiver.numbers(A, taken=False))
        await world.house.tell("alias.moved")
        await world.until(other.id, lambda each: each.delivered == 2)
        assert len(world.receiver.numbers(A, taken=False)) <= told + 1
    with pytest.raises(NotFound):
        await world.use.delete(hook.id, ADMIN)


async def test_of_two_registries_one_tells_a_webhook(world: World) -> None:
    hooks = [await world.hook(url) for url in (A, B)]
    async with world.delivering(), world.delivering():
        await world.house.tell(*["alias.moved"] * 50)
        for hook in hooks:
            await world.until(hook.id, lambda each: each.delivered == 50)
    for url in (A, B):
        assert world.receiver.numbers(url) == list(range(1, 51))


async def test_another_registry_goes_on_where_one_stopped(world: World) -> None:
    hook = await world.hook()
    async with world.delivering():
        await world.house.tell("alias.moved", "alias.moved")
        await world.until(hook.id, lambda each: each.delivered == 2)
    async with world.delivering():
        await world.house.tell("alias.moved")
        await world.until(hook.id, lambda each: each.delivered == 3)
    assert world.receiver.numbers(A) == [1, 2, 3]


async def test_one_that_died_is_followed_when_its_lease_has_run_out(world: World) -> None:
    hook = await world.hook()
    await world.house.tell("alias.moved")
    now = datetime.now(UTC)
    (claimed,) = await world.house.webhooks.claim("dead", now, now + timedelta(seconds=0.3))
    async with world.delivering():
        await world.until(hook.id, lambda each: each.delivered == 1)
    assert datetime.now(UTC) >= now + timedelta(seconds=0.3)
    with pytest.raises(LeaseLost):
        await world.house.webhooks.keep(claimed.took(1), "dead")


async def test_who_has_lost_its_lease_sends_nothing_more(world: World) -> None:
    """Its clock has gone on for an hour, and nobody has renewed anything."""
    clock = [utc_now()]
    courier = world.courier(clock=lambda: clock[0])
    hook = await world.hook()
    await world.house.tell("alias.moved")
    (event,) = (await world.house.events.page(Wanted(), 0, 10)).events
    await world.house.webhooks.claim("other", clock[0], clock[0] + timedelta(hours=1))
    with pytest.raises(LeaseLost):
        await courier._told(hook, event)
    assert world.receiver.got == []


async def test_a_webhook_that_is_made_meanwhile_lengthens_no_others_lease(world: World) -> None:
    """Else its events are told here while another registry may have begun to."""
    clock = [utc_now()]
    courier = world.courier(clock=lambda: clock[0])
    for number in range(4):
        await world.hook(f"https://host{number}")
        await courier._turn()
        clock[0] += timedelta(seconds=0.9)
    assert await world.house.webhooks.claim("other", clock[0], clock[0] + timedelta(hours=1)) == []
    await courier._end(*courier._rounds.values())


async def test_the_same_key_makes_one_and_shows_its_secret_again(world: World) -> None:
    order = WebhookOrder(A, idempotency_key="k1")
    made, secret = await world.use.create(order, ADMIN)
    again, again_secret = await world.use.create(order, ADMIN)
    assert (again.id, again_secret) == (made.id, secret)
    assert secret.startswith("whsec_")
    with pytest.raises(Conflict):
        await world.hook(B, key="k1")


async def test_what_may_not_be_reached_is_refused_and_there_is_a_bound(world: World) -> None:
    with pytest.raises(PermissionDenied):
        await world.hook("http://127.0.0.1/x")
    for number in range(4):
        await world.hook(f"https://host{number}")
    with pytest.raises(Conflict, match="4 webhooks"):
        await world.hook("https://host9")


async def test_a_tenant_sees_its_own_and_the_installations_people_see_all(world: World) -> None:
    mine = await world.hook()
    theirs, _ = await world.use.create(WebhookOrder(B), OTHER)
    assert [each.id for each in (await world.use.all(ADMIN))[0]] == [mine.id]
    assert [each.id for each in (await world.use.all(HOME))[0]] == [mine.id, theirs.id]
    for act in (world.use.delete, world.use.resume):
        with pytest.raises(NotFound):
            await act(theirs.id, ADMIN)
    await world.use.delete(theirs.id, HOME)
    assert all("whsec" not in str(record) for record in world.trail.records)
