"""One service at a time works in the background, of those that share a database."""

import asyncio
from datetime import timedelta

import pytest

from colonnade.memory.adapters.sql_leases import SqlLeases
from tests.contract.conftest import KINDS, Opener
from tests.unit.memory.fakes import START

LATER = START + timedelta(seconds=100)


@pytest.fixture(params=KINDS)
def leases(request: pytest.FixtureRequest, opened: Opener) -> SqlLeases:
    return SqlLeases(opened(request.param, "colonnade.memory"))


async def test_one_holds_it_until_it_lets_go_or_its_time_is_over(leases: SqlLeases) -> None:
    assert await leases.lease("one", START, LATER)
    assert not await leases.lease("two", START, LATER)
    assert await leases.lease("one", START, LATER + timedelta(seconds=1))
    assert not await leases.lease("two", LATER, LATER)
    assert await leases.lease("two", LATER + timedelta(seconds=1), LATER + timedelta(seconds=100))
    assert not await leases.lease("one", LATER + timedelta(seconds=2), LATER + timedelta(seconds=100))
    await leases.release("one")
    assert not await leases.lease("one", LATER + timedelta(seconds=2), LATER + timedelta(seconds=100))
    await leases.release("two")
    assert await leases.lease("one", LATER + timedelta(seconds=2), LATER + timedelta(seconds=100))


async def test_of_many_that_ask_at_once_one_gets_it(leases: SqlLeases) -> None:
    got = await asyncio.gather(*(leases.lease(f"s{number}", START, LATER) for number in range(8)))
    assert sum(got) == 1
