"""One contract for keys in memory and in SQL, and the migration against the table that the code has."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from colonnade.errors import Conflict
from colonnade.gateway.adapters import batch_tables, sql_limits, sql_usage
from colonnade.gateway.adapters.sql import METADATA, SqlKeyStore
from colonnade.gateway.domain.keys import KeyRecord
from colonnade.gateway.ports import KeyStore
from colonnade.security import keys
from colonnade.security.identity import Role
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.gateway.memory import MemoryKeyStore

NOW = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path / "gateway.db"))
    await migrate(database, "colonnade.gateway")
    yield database
    await database.close()


@pytest.fixture(params=["memory", "sql"])
async def store(request: pytest.FixtureRequest, database: Database) -> KeyStore:
    return MemoryKeyStore() if request.param == "memory" else SqlKeyStore(database)


def record(
    tenant: str = "local", at: datetime = NOW, lifetime: timedelta | None = None, **more: Any
) -> KeyRecord:
    key, _ = keys.issue(
        tenant, frozenset({Role.ADMIN, Role.CALLER}), at, subject="é\u2028", name="n", lifetime=lifetime
    )
    return KeyRecord(key, created_by="me", **more)


async def test_what_is_added_is_found_unchanged(store: KeyStore) -> None:
    assert not await store.ever()
    kept = record(lifetime=timedelta(microseconds=1), idempotency_key="k")
    await store.add(kept)
    assert await store.ever()
    assert await store.find(kept.id) == kept
    assert await store.find("nothing") is None
    assert await store.find_idempotent("local", "k") == kept
    assert await store.find_idempotent("acme", "k") is None


async def test_records_by_tenant_newest_first(store: KeyStore) -> None:
    old, new, foreign = record(), record(at=NOW + timedelta(seconds=1)), record("acme")
    for each in (old, new, foreign):
        await store.add(each)
    assert list(await store.records("local")) == [new, old]
    assert {each.id for each in await store.records(None)} == {old.id, new.id, foreign.id}


async def test_an_idempotency_key_counts_once_a_tenant(store: KeyStore) -> None:
    await store.add(record(idempotency_key="k"))
    await store.add(record("acme", idempotency_key="k"))
    await store.add(record())
    await store.add(record())
    with pytest.raises(Conflict):
        await store.add(record(idempotency_key="k"))
    assert len(await store.records(None)) == 4


@pytest.mark.parametrize(
    ("lifetime", "expected"), [(None, 60), (timedelta(seconds=30), 30), (timedelta(seconds=90), 60)]
)
async def test_a_replaced_key_ends_no_later(
    store: KeyStore, lifetime: timedelta | None, expected: int
) -> None:
    old = record(lifetime=lifetime)
    await store.add(old)
    await store.add(record(replaces=old.id), NOW + timedelta(seconds=60))
    found = await store.find(old.id)
    assert found is not None
    assert found.key.expires_at == NOW + timedelta(seconds=expected)


async def test_revoke_and_touch(store: KeyStore) -> None:
    kept = record()
    await store.add(kept)
    await store.revoke(kept.id, NOW)
    await store.touch({kept.id: NOW + timedelta(seconds=1)})
    found = await store.find(kept.id)
    assert found is not None
    assert found.key.revoked_at == NOW
    assert found.last_used_at == NOW + timedelta(seconds=1)


async def test_the_migrations_make_the_table_that_the_code_has(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    known = {sql_limits.LIMITS, sql_usage.USAGE, sql_usage.BATCHES, batch_tables.FILES, batch_tables.BATCHES}
    assert known < set(METADATA.tables.values())
    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []
    assert await migrate(database, "colonnade.gateway") == "0004"
