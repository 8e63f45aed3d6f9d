"""One transaction a piece of work: serialisable writers, snapshots, and refusals that say what to do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.storage.sql import Database, sqlite_url


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "own folder" / "data.db")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)

    async def create(connection: AsyncConnection) -> None:
        await connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY, total INTEGER NOT NULL)"))
        await connection.execute(text("CREATE TABLE child (parent INTEGER REFERENCES parent (id))"))
        await connection.execute(text("INSERT INTO parent VALUES (1, 0)"))

    await database.write(create)
    yield database
    await database.close()


async def total(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(text("SELECT total FROM parent"))).scalar_one())


async def increment(connection: AsyncConnection) -> None:
    found = (await connection.execute(text("SELECT total FROM parent"))).scalar_one()
    await asyncio.sleep(0)  # lets the others in between, if they can
    await connection.execute(text("UPDATE parent SET total = :next"), {"next": found + 1})


async def test_settings_of_every_connection(database: Database) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}

    async def pragmas(connection: AsyncConnection) -> dict[str, object]:
        return {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in expected}

    assert await database.write(pragmas) == expected
    async with database.reading() as first, database.reading() as second:
        assert await pragmas(first) == await pragmas(second) == expected


async def test_the_folder_is_the_owners(database: Database, tmp_path: Path) -> None:
    assert (tmp_path / "own folder").stat().st_mode & 0o777 == 0o700


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
    impatient = Database(url, busy_seconds=0.05)

    async def hold(_connection: AsyncConnection) -> None:
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


async def test_it_gives_up_at_last(database: Database) -> None:
    class DeadlockError(Exception):
        sqlstate = "40P01"

    async def hopeless(_connection: AsyncConnection) -> None:
        raise DBAPIError("UPDATE", {}, DeadlockError())

    with pytest.raises(Unavailable):
        await database.write(hopeless)


async def test_a_cancelled_writer_frees_the_lock(database: Database) -> None:
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


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite+aiosqlite://", "sqlite://", "nosuchdb://host/name"])
def test_a_url_that_names_no_database(url: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Database(url)
    assert refusal.value.details["field"] == "database_url"
