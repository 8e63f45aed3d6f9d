"""One contract for limits in memory and in SQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from colonnade.gateway.adapters.sql_limits import SqlLimitStore
from colonnade.gateway.domain.fair_use import Kind, LimitRecord, Quota, Scope
from colonnade.gateway.ports import LimitStore
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.gateway.memory import MemoryLimitStore

NOW = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
KEY, TENANT = Scope(Kind.KEY, "acme", "k1"), Scope(Kind.TENANT, "acme")
MODEL = Scope(Kind.MODEL, "umbrella", "tiny")


@pytest.fixture(params=["memory", "sql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LimitStore]:
    if request.param == "memory":
        yield MemoryLimitStore()
        return
    database = Database(sqlite_url(tmp_path / "gateway.db"))
    await migrate(database, "colonnade.gateway")
    yield SqlLimitStore(database)
    await database.close()


def record(scope: Scope, *numbers: int | None) -> LimitRecord:
    return LimitRecord(scope, Quota(*numbers), NOW, "ada")


async def test_what_is_put_is_found_unchanged(store: LimitStore) -> None:
    kept = [record(KEY, 1, 2, 3, 4, -5), record(TENANT, None, 0), record(MODEL, 2**40)]
    for each in kept:
        await store.put(each)
    assert await store.find([KEY, TENANT, MODEL]) == {each.scope: each for each in kept}
    assert await store.find([Scope(Kind.KEY, "acme", "k2")]) == {}
    assert await store.find([Scope(Kind.TENANT, "umbrella"), MODEL]) == {MODEL: kept[2]}
    assert list(await store.records("acme")) == kept[:2]
    assert list(await store.records(None)) == kept


async def test_the_last_one_holds_and_what_is_deleted_is_gone(store: LimitStore) -> None:
    await store.put(record(KEY, 1))
    await store.put(record(KEY, None, 2))
    assert (await store.find([KEY]))[KEY].quota == Quota(None, 2)
    await store.delete(KEY)
    await store.delete(KEY)
    assert await store.find([KEY]) == {}
