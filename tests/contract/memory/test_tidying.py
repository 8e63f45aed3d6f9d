"""What was forgotten is in none of the database's files, and what was not is all there."""

import random
import string
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import Pool

from colonnade.errors import Unavailable
from colonnade.memory.adapters import lease_table, sql_tidying, vector_tables
from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.adapters.tables import METADATA
from colonnade.memory.domain.memories import Memory, Tier
from colonnade.memory.domain.search import Filter
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database
from tests.contract.conftest import KINDS, Opener, Urls
from tests.harness.postgres import Postgres
from tests.unit.memory.fakes import EVE, document, memory, turn

Marks = Callable[[], str]
PLAIN = "for the rest it says what other memories say, and that is not much "


@pytest.fixture
async def kept(new_url: Urls) -> AsyncIterator[tuple[Database, list[Path]]]:
    url = new_url("sqlite", "colonnade.memory")
    path = make_url(url).database
    assert path
    database = Database(url, secure_delete=True)
    yield database, [Path(path + end) for end in ("", "-wal", "-shm")]
    await database.close()


@pytest.fixture
def mark() -> Marks:
    """Words that nothing else has."""
    draw = random.Random(11)
    return lambda: "".join(draw.choices(string.ascii_lowercase, k=24)) + "ization"


def left(marks: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Those that are in the files. Indexes keep what begins alike once, and stems: middles say enough."""
    everything = b"".join(file.read_bytes() for file in files if file.is_file()).lower()
    return [mark for mark in marks if mark[6:22].encode() in everything]


async def live_and_forget(store: SqlMemoryStore, mark: Marks) -> tuple[list[str], list[str]]:
    """The words of what was forgotten, and of what was not: half of everything, in any order."""
    draw, gone, there = random.Random(5), list[str](), list[str]()
    every: list[tuple[Memory, list[str]]] = []
    for number in range(1, 101):
        words = [mark() for _ in range(4)]
        long = f"{words[0]} {PLAIN * draw.choice((1, 5, 60))} {words[1]}"
        made = turn(number, long, session=words[2], tier=Tier.TASK)
        once = Once("acme/eve", words[3], "f" * 64)
        every.append((await store.add(made, once), words))
    for number in range(1, 13):
        words = [mark() for _ in range(3)]
        said = f"{words[0]} {PLAIN * 400} {words[1]}"
        found, read, chunks = document(number, said, size=1000)
        await store.add_document(replace(found, name=words[2]), read, chunks, None)
        (gone if number % 2 else there).extend(words)
        if number % 2:
            await store.delete_document(EVE, found.id)
    draw.shuffle(every)
    for place, (each, words) in enumerate(every):
        words.append(mark())
        await store.summarise(EVE, each.session, f"{words[-1]} {PLAIN}", each.id)
        await store.used([(EVE, each.id)], each.created_at)
        (gone if place % 2 else there).extend(words)
        if place % 4 == 1:
            await store.forget(EVE, [each.id])
        elif place % 4 == 3:
            await store.end_session(EVE, each.session)
    return gone, there


async def test_nothing_is_left_in_sqlites_files(kept: tuple[Database, list[Path]], mark: Marks) -> None:
    database, files = kept
    store = SqlMemoryStore(database)
    gone, there = await live_and_forget(store, mark)
    assert left(gone, files)  # in the log and in the index, until it is tidied
    await store.tidy()
    assert left(gone, files) == []
    assert left(there, files) == there
    for word, hits in ((gone[0], 0), (there[0], 1)):
        assert len(await store.by_words([EVE], word, Filter(), 9)) == hits
    await store.tidy()  # where there is nothing to do
    assert left(there, files) == there


async def test_the_index_of_words_is_whole_after_tidying(
    kept: tuple[Database, list[Path]], mark: Marks
) -> None:
    database, _ = kept
    store = SqlMemoryStore(database)
    await live_and_forget(store, mark)
    await store.tidy()

    async def check(connection: AsyncConnection) -> None:
        await connection.execute(
            text("INSERT INTO memory_fts(memory_fts, rank) VALUES('integrity-check', 1)")
        )
        await connection.execute(text("PRAGMA integrity_check"))

    await database.write(check)


async def test_a_large_index_is_tidied_in_steps(
    kept: tuple[Database, list[Path]], mark: Marks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_tidying, "_PAGES", 1)
    database, files = kept
    store = SqlMemoryStore(database)
    gone, there = await live_and_forget(store, mark)
    written: list[int] = []
    database.written = lambda: written.append(1)
    await store.tidy()
    assert len(written) > 5
    assert left(gone, files) == []
    assert left(there, files) == there


async def test_a_reader_of_the_past_holds_tidying_up(
    kept: tuple[Database, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_tidying, "BUSY_SECONDS", 0.2)
    database, _ = kept
    store = SqlMemoryStore(database)
    await store.add(memory(1))
    async with database.reading() as connection:
        await connection.scalar(text("SELECT count(*) FROM memories"))
        await store.forget(EVE, [memory(1).id])
        with pytest.raises(Unavailable, match="log is in use"):
            await store.tidy()
    await store.tidy()


async def test_a_database_overwrites_what_is_deleted_where_that_is_asked(new_url: Urls) -> None:
    """Whatever SQLite was built to do."""

    def forgetful(connection: Any, _record: object) -> None:
        connection.cursor().execute("PRAGMA secure_delete=OFF")

    event.listen(Pool, "connect", forgetful)
    try:
        for asked in (False, True):
            database = Database(new_url("sqlite", ""), secure_delete=asked)
            async with database.reading() as connection:
                assert await connection.scalar(text("PRAGMA secure_delete")) == asked
            await database.close()
    finally:
        event.remove(Pool, "connect", forgetful)


async def test_nothing_is_left_in_the_tables_of_a_server(
    opened: Opener, postgres: Postgres, mark: Marks
) -> None:
    database = opened("postgres", "colonnade.memory")
    store = SqlMemoryStore(database)
    gone, there = await live_and_forget(store, mark)
    async with database.reading() as connection:
        oid = await connection.scalar(text("SELECT oid FROM pg_database WHERE datname = current_database()"))

    def files() -> list[Path]:
        postgres.execute("CHECKPOINT")
        return list((postgres.folder / "data" / "base" / str(oid)).iterdir())

    assert left(gone, files())
    await store.tidy()
    assert left(gone, files()) == []
    assert left(there[:20], files())  # what is long is compressed
    assert len(await store.by_words([EVE], there[0], Filter(), 9)) == 1


async def test_tables_in_use_are_tidied_later(opened: Opener) -> None:
    database = opened("postgres", "colonnade.memory")
    store = SqlMemoryStore(database)
    impatient = Database(
        database.engine.url.render_as_string(hide_password=False) + "?options=-c%20lock_timeout%3D100ms"
    )
    async with database.reading() as connection:
        await connection.scalar(text("SELECT count(*) FROM memories"))
        with pytest.raises(Unavailable, match="tables are in use"):
            await SqlMemoryStore(impatient).tidy()
    await impatient.close()
    await store.tidy()


async def test_a_vector_says_that_there_is_one_and_goes_with_its_memory(sql_store: SqlMemoryStore) -> None:
    found, read, chunks = document(1, "abc", size=1)
    await sql_store.add_document(found, read, chunks, None)
    await sql_store.add(memory(1))

    async def embed(connection: AsyncConnection) -> None:
        model = {"number": 1, "digest": "sha256:" + "0" * 64, "dimension": 2}
        await connection.execute(insert(vector_tables.MODELS).values(**model))
        vector: object = [1.0, 0.0] if connection.dialect.name == "postgresql" else b"\0\0\0\0"
        for each in (memory(1), *chunks[:2]):
            row = {"tenant": "acme", "subject": "eve", "memory": each.id, "model": 1, "vector": vector}
            await connection.execute(insert(vector_tables.VECTORS).values(**row))

    database = sql_store._database
    await database.write(embed)
    every = await sql_store.find([EVE], [memory(1).id, *(chunk.id for chunk in chunks)])
    assert [each.embedded for each in every.values()].count(True) == 3
    assert (await sql_store.find_document([EVE], found.id)).embedded == 2
    assert [each.embedded for each in await sql_store.documents([EVE], before="", limit=9)] == [2]
    changed = await sql_store.change(EVE, memory(1).id, lambda it: replace(it, pinned=True))
    assert changed.embedded
    await sql_store.forget(EVE, [memory(1).id])
    await sql_store.delete_document(EVE, found.id)
    async with database.reading() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM memory_vectors")) == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_the_migrated_tables_are_those_of_the_code(opened: Opener, kind: str) -> None:
    assert {vector_tables.VECTORS, lease_table.LEASES} < set(METADATA.tables.values())
    version = "memory_version" if kind == "postgres" else "alembic_version"

    def is_ours(name: str | None, *_: object) -> bool:
        return "_fts" not in str(name)

    def is_there(_object: object, name: str | None, *_: object) -> bool:
        return name != "memories_by_word" or kind == "postgres"

    def differences(connection: Connection) -> list[object]:
        options = {"version_table": version, "include_name": is_ours, "include_object": is_there}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    async with opened(kind, "colonnade.memory").reading() as connection:
        assert await connection.run_sync(differences) == []
