"""What every usage ledger does; in SQL, nothing is lost or counted twice, whenever it is killed."""

import asyncio
import os
import signal
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.gateway.adapters.journal import Journal
from colonnade.gateway.adapters.sql_usage import SqlUsageLedger
from colonnade.gateway.domain.fair_use import Kind, Scope
from colonnade.gateway.domain.usage import GROUPINGS, Account, Amounts, Entry, UsageQuery, UsageRow
from colonnade.gateway.ports import UsageLedger
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS, Opener, Urls
from tests.unit.gateway.memory import MemoryUsageLedger

DAY = date(2030, 1, 31)
ALL = UsageQuery(date(2000, 1, 1), date(2100, 1, 1))


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, opened: Opener) -> Database:
    return opened(request.param, "colonnade.gateway")


@pytest.fixture(params=["memory", *KINDS])
async def ledger(request: pytest.FixtureRequest, opened: Opener, tmp_path: Path) -> UsageLedger:
    if request.param == "memory":
        return MemoryUsageLedger()
    return SqlUsageLedger(opened(request.param, "colonnade.gateway"), Journal(tmp_path / "usage"))


def entry(
    key: str = "k1", *, tenant: str = "acme", model: str = "tiny", adapter: str = "", day: date = DAY
) -> Entry:
    return Entry(Account(tenant, key, model, adapter), day, Amounts(1, 10, 4, 5))


async def test_requests_of_a_day_are_added_up(ledger: UsageLedger) -> None:
    for _ in range(3):
        ledger.record(entry())
    await ledger.flush()
    ledger.record(entry())
    ledger.record(entry("k2"))
    assert list(await ledger.rows(ALL)) == [
        UsageRow(Amounts(4, 40, 16, 20), day=DAY, key="k1", model="tiny"),
        UsageRow(Amounts(1, 10, 4, 5), day=DAY, key="k2", model="tiny"),
    ]


async def test_what_caches_gave_is_added_up_apart(ledger: UsageLedger) -> None:
    for _ in range(2):
        given = Amounts(1, cached_requests=1, cached_completion_tokens=8)
        ledger.record(Entry(Account("acme", "k1", "tiny"), DAY, given))
    ledger.record(entry())
    (row,) = await ledger.rows(ALL)
    assert row.amounts == Amounts(3, 10, 4, 5, 2, 16)
    assert await ledger.spent(Scope(Kind.TENANT, "acme"), DAY) == 15


async def test_it_is_added_up_by_whatever_is_asked(ledger: UsageLedger) -> None:
    for tenant, model in (("acme", "tiny"), ("acme", "large"), ("umbrella", "tiny")):
        ledger.record(entry(tenant=tenant, model=model))
        ledger.record(entry(tenant=tenant, model=model, adapter="poet"))
    by_tenant = await ledger.rows(UsageQuery(DAY, DAY, ("tenant",)))
    assert [(row.tenant, row.amounts.requests, row.day) for row in by_tenant] == [
        ("acme", 4, None), ("umbrella", 2, None)
    ]  # fmt: skip
    assert len(await ledger.rows(UsageQuery(DAY, DAY, GROUPINGS))) == 6
    (all_together,) = await ledger.rows(UsageQuery(DAY, DAY, ()))
    assert all_together == UsageRow(Amounts(6, 60, 24, 30))


async def test_nothing_was_used(ledger: UsageLedger) -> None:
    assert list(await ledger.rows(ALL)) == []
    assert list(await ledger.rows(UsageQuery(DAY, DAY, ()))) == []
    assert await ledger.spent(Scope(Kind.TENANT, "acme"), DAY) == 0


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        (UsageQuery(DAY, DAY, tenant="acme"), 3),
        (UsageQuery(DAY, DAY, key_id="k2"), 1),
        (UsageQuery(DAY, DAY, model="large"), 1),
        (UsageQuery(DAY, DAY, tenant="acme", model="large", key_id="k2"), 0),
        (UsageQuery(date(2030, 2, 1), date(2030, 2, 1)), 1),
        (UsageQuery(DAY, date(2030, 2, 1)), 5),
    ],
    ids=["tenant", "key", "model", "together", "day", "days"],
)
async def test_filters(ledger: UsageLedger, query: UsageQuery, requests: int) -> None:
    for each in (
        entry(),
        entry("k2"),
        entry(model="large"),
        entry(tenant="umbrella"),
        entry(day=date(2030, 2, 1)),
    ):
        ledger.record(each)
    assert sum(row.amounts.requests for row in await ledger.rows(query)) == requests


async def test_what_a_month_has_cost(ledger: UsageLedger) -> None:
    ledger.record(entry(day=date(2029, 12, 31)))
    ledger.record(entry(day=date(2030, 1, 1)))
    await ledger.flush()
    for each in (entry(), entry("k2"), entry(model="large"), entry(tenant="umbrella", key="k3")):
        ledger.record(each)
    assert await ledger.spent(Scope(Kind.TENANT, "acme"), DAY) == 60
    assert await ledger.spent(Scope(Kind.KEY, "acme", "k1"), DAY) == 45
    assert await ledger.spent(Scope(Kind.MODEL, "acme", "tiny"), DAY) == 45
    await ledger.flush()
    assert await ledger.spent(Scope(Kind.TENANT, "acme"), date(2030, 1, 5)) == 60
    assert await ledger.spent(Scope(Kind.TENANT, "acme"), date(2029, 12, 1)) == 15
    assert await ledger.spent(Scope(Kind.TENANT, "acme"), date(2030, 2, 1)) == 0


@pytest.mark.parametrize("kind", KINDS)
@given(
    entries=st.lists(
        st.tuples(st.sampled_from(["k1", "k2"]), st.integers(0, 2**40), st.booleans(), st.booleans()),
        max_size=20,
    )
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_entry_is_lost_whenever_it_is_flushed_or_killed(
    tmp_path_factory: pytest.TempPathFactory,
    new_url: Urls,
    kind: str,
    entries: list[tuple[str, int, bool, bool]],
) -> None:
    """Each step may flush, and may be followed by a death: a new ledger on the same folder."""

    async def run(folder: Path) -> None:
        database = Database(new_url(kind, "colonnade.gateway"))
        journal = Journal(folder / "usage")
        ledger, sums = SqlUsageLedger(database, journal), {"k1": 0, "k2": 0}
        for key, tokens, flushed, killed in entries:
            ledger.record(Entry(Account("acme", key, "tiny"), DAY, Amounts(1, 0, 0, tokens)))
            sums[key] += tokens
            if flushed:
                await ledger.flush()
            if killed:
                journal.close()  # as the kernel does
                journal = Journal(folder / "usage")
                ledger = SqlUsageLedger(database, journal)
        for key, tokens in sums.items():
            assert await ledger.spent(Scope(Kind.KEY, "acme", key), DAY) == tokens
        await ledger.flush()
        assert not list((folder / "usage").iterdir())
        journal.close()
        await database.close()

    asyncio.run(run(tmp_path_factory.mktemp("ledger")))


async def test_a_file_that_was_written_is_not_written_again(database: Database, tmp_path: Path) -> None:
    """Killed between the transaction and the end of the file."""
    journal = Journal(tmp_path / "usage")
    ledger = SqlUsageLedger(database, journal)
    ledger.record(entry())
    (path,) = (tmp_path / "usage").iterdir()
    kept = path.read_bytes()
    await ledger.flush()
    path.write_bytes(kept)
    after = SqlUsageLedger(database, Journal(tmp_path / "usage"))
    await after.flush()
    assert [row.amounts.requests for row in await after.rows(ALL)] == [1]
    assert not path.exists()


async def test_a_torn_line_costs_no_other(database: Database, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "usage")
    journal.append(entry())
    journal.append(entry("k2"))
    (path,) = (tmp_path / "usage").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    journal.close()
    after = SqlUsageLedger(database, Journal(tmp_path / "usage"))
    assert [row.key for row in await after.rows(ALL)] == ["k1"]


async def test_a_living_processes_file_is_left_alone(tmp_path: Path) -> None:
    mine = Journal(tmp_path / "usage")
    mine.append(entry())
    assert not list(Journal(tmp_path / "usage").pending)
    assert len(list(mine.pending)) == 1


async def test_without_a_disk_it_counts_in_memory(database: Database, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "usage")
    (tmp_path / "usage").rmdir()
    ledger = SqlUsageLedger(database, journal)
    ledger.record(entry())
    assert await ledger.spent(Scope(Kind.TENANT, "acme"), DAY) == 15
    assert len(await ledger.rows(ALL)) == 1


_WRITER = """
import sys
from datetime import date
from pathlib import Path
from colonnade.gateway.adapters.journal import Journal
from colonnade.gateway.domain.usage import Account, Amounts, Entry
journal, number = Journal(Path(sys.argv[1])), 0
while True:
    journal.append(Entry(Account("acme", "k1", "tiny"), date(2030, 1, 31), Amounts(1, 0, 0, 1)))
    number += 1
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


async def test_what_was_acknowledged_outlives_kill_9(database: Database, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, str(tmp_path / "usage"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while int(await process.stdout.readline()) < 500:
        pass
    os.kill(process.pid, signal.SIGKILL)
    acknowledged = [int(line) for line in (await process.stdout.read()).splitlines() if line]
    await process.wait()
    after = SqlUsageLedger(database, Journal(tmp_path / "usage"))
    written = await after.spent(Scope(Kind.KEY, "acme", "k1"), DAY)
    assert written - max([500, *acknowledged]) in (0, 1), "the last one may not have been told"
