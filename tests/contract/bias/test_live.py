"""The store of what is counted of the traffic: on a file and on a real server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from colonnade.ethics.bias.adapters.sql_live import SqlLive
from colonnade.ethics.bias.domain.drift import Drift
from colonnade.ethics.bias.domain.live import Alarm, Cell, Tally
from tests.contract.conftest import KINDS, Opener

HOUR = datetime(2030, 1, 2, 3, tzinfo=UTC)
CELL = Cell("acme", "smol:1", "gender", "women", HOUR)


@pytest.fixture(params=KINDS)
async def live(request: pytest.FixtureRequest, opened: Opener) -> SqlLive:
    return SqlLive(opened(request.param, "colonnade.ethics"))


async def test_counts_add_up_by_tenant_and_hour(live: SqlLive) -> None:
    late = replace(CELL, hour=HOUR + timedelta(hours=1))
    await live.record({CELL: Tally(1, 1, 0), late: Tally(1)})
    await live.record({CELL: Tally(2, 0, 1), replace(CELL, tenant="other"): Tally(5)})
    assert await live.cells("acme", HOUR) == {CELL: Tally(3, 1, 1), late: Tally(1)}
    assert await live.cells("acme", late.hour) == {late: Tally(1)}


async def test_a_watch_goes_on_until_its_rates_change(live: SqlLive) -> None:
    start = Drift(0.01, 0.2, 100)
    for biased in (False, True):
        seen = await live.observe("acme", "smol:1", "gender", biased, start)
    assert seen == start.seen(biased=False).seen(biased=True)
    assert (await live.observe("acme", "smol:1", "racial", True, start)).observed == 1
    changed = await live.observe("acme", "smol:1", "gender", False, replace(start, patience=200))
    assert (changed.observed, changed.patience) == (1, 200)


async def test_alarms_are_the_tenants_newest_first(live: SqlLive) -> None:
    raised = [Alarm("acme", "smol:1", "gender", HOUR + timedelta(minutes=at), at) for at in range(3)]
    for each in (*raised, Alarm("other", "smol:1", "gender", HOUR, 9)):
        await live.alarm(each)
    assert await live.alarms("acme", 2) == raised[:0:-1]
