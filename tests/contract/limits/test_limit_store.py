"""What every store of limits does, whatever it keeps them in."""

import asyncio
from datetime import UTC, datetime

import pytest

from colonnade.gateway.adapters.sql_limits import SqlLimitStore
from colonnade.gateway.domain.fair_use import Kind, LimitRecord, Quota, Scope
from colonnade.gateway.ports import LimitStore
from tests.contract.conftest import KINDS, Opener
from tests.unit.gateway.memory import MemoryLimitStore

NOW = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
KEY, TENANT = Scope(Kind.KEY, "acme", "k1"), Scope(Kind.TENANT, "acme")
MODEL = Scope(Kind.MODEL, "umbrella", "tiny")


@pytest.fixture(params=["memory", *KINDS])
async def store(request: pytest.FixtureRequest, opened: Opener) -> LimitStore:
    if request.param == "memory":
        return MemoryLimitStore()
    return SqlLimitStore(opened(request.param, "colonnade.gateway"))


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


async def test_records_come_by_the_characters_of_their_names(store: LimitStore) -> None:
    names = ["b", "B", "a-b", "a.b", "ab", "é", "z", "_"]
    for name in names:
        await store.put(record(Scope(Kind.MODEL, "acme", name), 1))
    assert [each.scope.name for each in await store.records("acme")] == sorted(names)


async def test_of_those_who_put_at_once_one_comes_last(store: LimitStore) -> None:
    await asyncio.gather(*(store.put(record(KEY, number)) for number in range(1, 13)))
    (kept,) = await store.records(None)
    assert kept.quota.requests_per_minute in range(1, 13)
