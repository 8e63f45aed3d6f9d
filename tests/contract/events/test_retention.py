"""Old events are forgotten where that is wanted: but the newest, and what somebody still has to hear."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import InvalidArgument
from colonnade.registry.adapters.sql_events import SqlEventStore
from colonnade.registry.adapters.sql_webhooks import SqlWebhookStore
from colonnade.registry.adapters.telling import tell
from colonnade.registry.events.ports import Wanted
from colonnade.registry.events.retention import Retention
from colonnade.registry.events.service import Events
from colonnade.registry.events.tail import Tail
from colonnade.registry.events.webhook import State
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS
from tests.contract.events.test_webhooks import hook
from tests.unit.registry.fakes import START

DAY = timedelta(days=1)


class Kept:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.events, self.webhooks = SqlEventStore(database), SqlWebhookStore(database)

    async def tell(self, *kinds: str) -> None:
        """One a day."""

        async def work(connection: AsyncConnection) -> None:
            for day, kind in enumerate(kinds):
                await tell(connection, kind, by="acme/eve", at=START + day * DAY, model="tiny")

        await self.database.write(work)

    async def after(self, days: int, keep: float, at_once: int = 1000) -> tuple[int, list[int]]:
        """How many went, and what is left."""
        retention = Retention(self.events, days=keep, clock=lambda: START + days * DAY)
        gone = await retention.turn(at_once)
        return gone, [event.number for event in (await self.events.page(Wanted(), 0, 100)).events]


@pytest.fixture(params=KINDS)
async def kept(request: pytest.FixtureRequest, opened: Callable[[str, str], Database]) -> Kept:
    return Kept(opened(request.param, "colonnade.registry"))


async def test_what_is_older_goes_and_the_newest_stays(kept: Kept) -> None:
    assert await kept.after(9, 1) == (0, [])
    await kept.tell(*["alias.moved"] * 6)
    assert await kept.after(5, 3, at_once=1) == (2, [3, 4, 5, 6])
    assert await kept.after(1000, 3) == (3, [6])
    await kept.tell("alias.moved")
    assert await kept.events.span() == (6, 7)


async def test_what_an_active_webhook_waits_for_stays(kept: Kept) -> None:
    await kept.tell("alias.moved", "alias.moved", "rollout.step", "alias.moved", "rollout.step")
    waiting = await kept.webhooks.add(replace(hook(1), kinds=("rollout.*",)), 0, None, most=9)
    assert await kept.after(1000, 1) == (2, [3, 4, 5])
    await kept.webhooks.claim("here", START, START + DAY)
    told = waiting.took(3)
    await kept.webhooks.keep(told, "here")
    assert await kept.after(1000, 1) == (2, [5])
    given_up = told.failed("no", START, pause=DAY, give_up=timedelta(0))
    assert given_up.state is State.GIVEN_UP
    await kept.webhooks.keep(given_up, "here")
    await kept.tell("rollout.step")
    assert await kept.after(1000, 1) == (1, [6])


async def test_who_would_miss_something_is_told(kept: Kept) -> None:
    await kept.tell(*["alias.moved"] * 6)
    await kept.after(5, 3)
    events = Events(kept.events, Tail(kept.events, poll_seconds=3600))
    for after, numbers in ((0, [3, 4, 5, 6]), (2, [3, 4, 5, 6]), (4, [5, 6]), (-100, [3, 4, 5, 6])):
        found = [told.event.number async for told in events.page(Wanted(), after, 100) if told.event]
        assert found == numbers
    with pytest.raises(InvalidArgument, match="before number 3"):
        await anext(events.page(Wanted(), 1, 100))
    with pytest.raises(InvalidArgument, match="before number 3"):
        await anext(events.follow(Wanted(), 1))
    with pytest.raises(InvalidArgument, match="before number 3"):
        await kept.webhooks.add(hook(1), 1, None, most=9)
