"""One transaction a piece of work: serialisable writers, snapshots, and refusals that say what to do."""

import asyncio
import random
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.storage.sql import Database, micros, moment_of, sqlite_url
from tests.contract.conftest import KINDS, Opener


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, opened: Opener) -> Database:
    database = opened(request.param, "")

    async def create(connection: AsyncConnection) -> None:
        await connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY, total INTEGER NOT NULL)"))
        await connection.execute(text("CREATE TABLE child (parent INTEGER REFERENCES parent (id))"))
        await connection.execute(text("INSERT INTO parent VALUES (1, 0)"))

    await database.write(create)
    return database


@pytest.fixture
def url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


async def total(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(text("SELECT total FROM parent"))).scalar_one())


async def increment(connection: AsyncConnection) -> None:
    found = (await connection.execute(text("SELECT total FROM parent"))).scalar_one()
    await asyncio.sleep(0)  # lets the others in between, if they can
    await connection.execute(text("UPDATE parent SET total = :next"), {"next": found + 1})


async def test_settings_of_every_connection_to_a_file(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "own folder" / "data.db"))
    assert (tmp_path / "own folder").stat().st_mode & 0o777 == 0o700
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}

    async def pragmas(connection: AsyncConnection) -> dict[str, object]:
        return {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in expected}

    assert await database.write(pragmas) == expected
    async with database.reading() as first, database.reading() as second:
        assert await pragmas(first) == await pragmas(second) == expected
    await database.close()


async def test_settings_of_every_connection_to_a_server(opened: Opener) -> None:
    database = opened("postgres", "")
    expected = {
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
        "application_name": "colonnade",
        "transaction_isolation": "serializable",
    }

    async def shown(connection: AsyncConnection) -> dict[str, object]:
        return {name: (await connection.execute(text(f"SHOW {name}"))).scalar_one() for name in expected}

    assert await database.write(shown) == expected
    async with database.reading() as connection:
        assert await shown(connection) == expected | {"transaction_isolation": "repeatable read"}


async def test_no_increment_is_lost(database: Database, url: str) -> None:
    """Read-modify-write from many tasks and from two pools, as two processes would have them."""
    other = Database(url)
    await asyncio.gather(*((database, other)[n % 2].write(increment) for n in range(60)))
    await other.close()
    assert await total(database) == 60


async def test_a_failed_piece_of_work_leaves_no_trace(database: Database) -> None:
    async def half(connection: AsyncConnection) -> None:
        await increment(connection)
        raise LookupError("half-way")

    with pytest.raises(LookupError):
        await database.write(half)
    assert await total(database) == 0


async def test_foreign_keys_hold(database: Database) -> None:
    async def orphan(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO child VALUES (7)"))

    with pytest.raises(IntegrityError):
        await database.write(orphan)


async def test_a_reader_sees_one_snapshot_and_does_not_wait(database: Database) -> None:
    async with database.reading() as connection:
        before = (await connection.execute(text("SELECT total FROM parent"))).scalar_one()
        await database.write(increment)
        after = (await connection.execute(text("SELECT total FROM parent"))).scalar_one()
    assert before == after == 0
    assert await total(database) == 1


async def test_a_reader_cannot_keep_a_change(database: Database) -> None:
    async with database.reading() as connection:
        await increment(connection)
    assert await total(database) == 0


async def test_a_lock_held_too_long_is_a_refusal(database: Database, url: str) -> None:
    impatient = Database(
        url if database.is_sqlite else f"{url}?options=-clock_timeout%3D50ms", busy_seconds=0.05
    )

    async def hold(connection: AsyncConnection) -> None:
        await connection.execute(text("UPDATE parent SET total = 0"))
        with pytest.raises(Unavailable, match="busy"):
            await impatient.write(increment)

    await database.write(hold)
    await impatient.write(increment)
    await impatient.close()
    assert await total(database) == 1


async def test_work_is_repeated_where_another_transaction_came_between(database: Database) -> None:
    attempts = 0

    class SerializationError(Exception):
        sqlstate = "40001"

    async def contended(connection: AsyncConnection) -> str:
        nonlocal attempts
        attempts += 1
        await increment(connection)
        if attempts < 3:
            raise DBAPIError("UPDATE", {}, SerializationError())
        return "done"

    assert await database.write(contended) == "done"
    assert (attempts, await total(database)) == (3, 1)


async def test_it_gives_up_at_last(url: str) -> None:
    database = Database(url, busy_seconds=0.05)

    class DeadlockError(Exception):
        sqlstate = "40P01"

    async def hopeless(_connection: AsyncConnection) -> None:
        raise DBAPIError("UPDATE", {}, DeadlockError())

    with pytest.raises(Unavailable, match="busy"):
        await database.write(hopeless)
    await database.close()


async def test_a_cancelled_writer_frees_the_lock(database: Database, url: str) -> None:
    await database.close()
    database = Database(url, busy_seconds=0.5)
    inside = asyncio.Event()

    async def wait(connection: AsyncConnection) -> None:
        await increment(connection)
        inside.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(database.write(wait))
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.write(increment)
    assert await total(database) == 1
    await database.close()


async def test_no_moment_to_be_cancelled_leaves_the_lock(database: Database) -> None:
    """Before its turn, while it begins, between statements, while it commits: the next one gets on."""

    async def work(connection: AsyncConnection) -> None:
        await increment(connection)
        await connection.execute(text("SELECT 1"))

    began = time.perf_counter()
    await database.write(work)
    usual, chance, done = time.perf_counter() - began, random.Random(5), 1
    for _ in range(60):
        task = asyncio.create_task(database.write(work))
        await asyncio.wait([task], timeout=chance.uniform(0, 1.2) * usual)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        before = await total(database)
        assert before in (done, done + 1)
        await asyncio.wait_for(database.write(work), 5.0)
        done = await total(database)
        assert done == before + 1


async def test_what_was_new_a_moment_ago_is_seen_at_the_second_look(database: Database) -> None:
    """Insert where there is none: of many at once all succeed, and one inserts."""

    async def ensure(connection: AsyncConnection) -> bool:
        if (await connection.execute(text("SELECT 1 FROM parent WHERE id = 7"))).first():
            return False
        await connection.execute(text("INSERT INTO parent VALUES (7, 0)"))
        return True

    assert sum(await asyncio.gather(*(database.write(ensure) for _ in range(12)))) == 1


async def test_work_that_is_alone_sees_what_the_one_before_has_left(database: Database, url: str) -> None:
    others = [Database(url) for _ in range(4)]

    async def create(connection: AsyncConnection) -> bool:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        if "once" not in names:
            await connection.execute(text("CREATE TABLE once (id INTEGER)"))
        return "once" not in names

    made = await asyncio.gather(*(each.write(create, alone=True) for each in others))
    for each in others:
        await each.close()
    assert sum(made) == 1


async def test_no_more_connections_than_were_allowed(opened: Opener) -> None:
    url = opened("postgres", "").engine.url.render_as_string(hide_password=False)
    database = Database(url, connections=2, busy_seconds=0.05)
    async with database.reading(), database.reading():
        with pytest.raises(Unavailable, match="all 2 connections"):
            await database.write(increment)
    await database.close()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
async def test_times_are_the_same_whatever_the_servers_clock_shows(database: Database, zone: str) -> None:
    at = datetime(2030, 3, 31, 2, 30, 0, 123456, tzinfo=ZoneInfo(zone))

    async def keep(connection: AsyncConnection) -> Any:
        await connection.execute(text("CREATE TABLE times (at BIGINT)"))
        await connection.execute(text("INSERT INTO times VALUES (:at)"), {"at": micros(at)})
        return (await connection.execute(text("SELECT at FROM times"))).scalar_one()

    assert moment_of(await database.write(keep)) == at


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite+aiosqlite://", "sqlite://", "nosuchdb://host/name", "mysql://host/name"]
)
def test_a_url_that_names_no_database(url: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Database(url)
    assert refusal.value.details["field"] == "database_url"


@pytest.mark.parametrize("url", ["sqlite:////tmp/a.db", "postgresql://u@h/n", "postgresql+psycopg://u@h/n"])
def test_a_short_url_means_the_driver_that_is_here(url: str) -> None:
    database = Database(url)
    assert database.engine.url.drivername in ("sqlite+aiosqlite", "postgresql+psycopg")
    assert database.engine.dialect.is_async
