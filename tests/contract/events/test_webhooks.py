"""What every store of webhooks does, on a file and on a real server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.registry.adapters.sql_webhooks import SqlWebhookStore
from colonnade.registry.adapters.telling import tell
from colonnade.registry.events.ports import LeaseLost
from colonnade.registry.events.webhook import State, Webhook
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.unit.registry.fakes import START

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LATER = START + MINUTE


@dataclass
class Stores:
    database: Database
    webhooks: SqlWebhookStore

    async def tell(self, count: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            for _ in range(count):
                await tell(connection, "alias.moved", by="acme/eve", at=START)

        await self.database.write(work)

    async def add(
        self, number: int = 1, after: int | None = 0, once: Once | None = None, most: int = 9
    ) -> Webhook:
        return await self.webhooks.add(hook(number), after, once, most=most)


def hook(number: int = 1, tenant: str = "acme") -> Webhook:
    return Webhook(
        f"wh_{number}", tenant, "https://a/ü", ("tiny",), ("alias.*",), "whsec_x",
        START + timedelta(seconds=number), f"{tenant}/eve",
    )  # fmt: skip


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Stores:
    database = opened(request.param, "colonnade.registry")
    return Stores(database, SqlWebhookStore(database))


async def test_what_is_kept_is_what_was_made(stores: Stores) -> None:
    await stores.tell(3)
    first, second, third = await stores.add(1), await stores.add(2, None), await stores.add(3, -2)
    assert first == hook(1)
    assert (second.delivered, third.delivered) == (3, 1)
    assert await stores.webhooks.all("") == ([first, second, third], 3)
    assert await stores.webhooks.all("globex") == ([], 3)
    with pytest.raises(InvalidArgument, match="newest"):
        await stores.add(4, 9)


async def test_of_many_that_are_made_at_once_no_more_stay_than_may(stores: Stores) -> None:
    made = [stores.add(number, most=3) for number in range(6)]
    found = await asyncio.gather(*made, return_exceptions=True)
    assert sum(isinstance(each, Webhook) for each in found) == 3
    assert sum(isinstance(each, Conflict) for each in found) == 3


async def test_one_key_makes_one(stores: Stores) -> None:
    once = Once("acme/eve", "key", "f" * 64)
    found = await asyncio.gather(*(stores.add(number, once=once) for number in range(4)))
    assert len({each.id for each in found}) == 1
    with pytest.raises(Conflict, match="key"):
        await stores.add(9, once=replace(once, fingerprint="0" * 64))


async def test_a_secret_is_sealed_otherwise_unless_somebody_was_first(stores: Stores) -> None:
    made = await stores.add(1)
    other = await stores.add(2)
    long = "sealed.1." + "x" * 1000
    await stores.webhooks.reseal(made, long)
    await stores.webhooks.reseal(made, "too late")
    assert (await stores.webhooks.all(""))[0] == [replace(made, sealed=long), other]


async def test_each_is_claimed_by_one(stores: Stores) -> None:
    for number in (1, 2):
        await stores.add(number)
    both = [stores.webhooks.claim(holder, START, START + HOUR) for holder in ("here", "there")]
    found = [each.id for claimed in await asyncio.gather(*both) for each in claimed]
    assert sorted(found) == ["wh_1", "wh_2"]
    assert await stores.webhooks.claim("third", START + MINUTE, START + HOUR) == []
    late = START + 2 * HOUR
    assert len(await stores.webhooks.claim("third", late, late + HOUR)) == 2


async def test_a_lease_is_renewed_and_let_go(stores: Stores) -> None:
    await stores.add(1)
    await stores.webhooks.claim("here", START, START + MINUTE)
    assert set(await stores.webhooks.renew("here", ["wh_1", "wh_9"], START + HOUR)) == {"wh_1"}
    assert set(await stores.webhooks.renew("there", ["wh_1"], START + HOUR)) == set()
    assert await stores.webhooks.claim("there", LATER, START + HOUR) == []
    await stores.webhooks.release("there")
    assert await stores.webhooks.claim("there", LATER, START + HOUR) == []
    await stores.webhooks.release("here")
    assert [each.id for each in await stores.webhooks.claim("there", LATER, START + HOUR)] == ["wh_1"]


async def test_only_who_has_the_lease_says_how_far_it_is(stores: Stores) -> None:
    made = await stores.add(1)
    with pytest.raises(LeaseLost):
        await stores.webhooks.keep(made.took(1), "here")
    await stores.webhooks.claim("here", START, START + HOUR)
    failed = made.took(7).failed("no", LATER, pause=MINUTE, give_up=HOUR)
    await stores.webhooks.keep(failed, "here")
    assert (await stores.webhooks.all("acme"))[0] == [failed]
    with pytest.raises(LeaseLost):
        await stores.webhooks.keep(made, "there")
    await stores.webhooks.delete("wh_1", "acme")
    with pytest.raises(LeaseLost):
        await stores.webhooks.keep(failed, "here")


async def test_one_that_was_given_up_is_claimed_once_it_is_resumed(stores: Stores) -> None:
    made = await stores.add(1)
    await stores.webhooks.claim("here", START, START + HOUR)
    given_up = made.took(2).failed("no", LATER, pause=MINUTE, give_up=timedelta(0))
    assert given_up.state is State.GIVEN_UP
    await stores.webhooks.keep(given_up, "here")
    assert await stores.webhooks.claim("there", START + 2 * HOUR, START + 3 * HOUR) == []
    resumed = await stores.webhooks.resume("wh_1", "acme")
    assert (resumed.state, resumed.delivered, resumed.failures, resumed.next_try) == ("active", 2, 0, None)
    assert await stores.webhooks.claim("there", LATER, START + HOUR) == [resumed]


async def test_what_is_not_there_or_anothers(stores: Stores) -> None:
    await stores.add(1)
    for webhook_id, tenant in (("wh_9", ""), ("wh_1", "globex")):
        with pytest.raises(NotFound):
            await stores.webhooks.delete(webhook_id, tenant)
        with pytest.raises(NotFound):
            await stores.webhooks.resume(webhook_id, tenant)
    await stores.webhooks.delete("wh_1", "acme")
    assert (await stores.webhooks.all(""))[0] == []
