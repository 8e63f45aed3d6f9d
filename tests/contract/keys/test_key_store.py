"""What every key store does, whatever it keeps its keys in."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from colonnade.errors import Conflict
from colonnade.gateway.adapters.sql import SqlKeyStore
from colonnade.gateway.domain.keys import KeyRecord
from colonnade.gateway.ports import KeyStore
from colonnade.security import keys
from colonnade.security.identity import Role
from tests.contract.conftest import KINDS, Opener
from tests.unit.gateway.memory import MemoryKeyStore

NOW = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", *KINDS])
async def store(request: pytest.FixtureRequest, opened: Opener) -> KeyStore:
    if request.param == "memory":
        return MemoryKeyStore()
    return SqlKeyStore(opened(request.param, "colonnade.gateway"))


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


async def test_of_many_with_one_idempotency_key_one_is_kept(store: KeyStore) -> None:
    async def add() -> bool:
        try:
            await store.add(record(idempotency_key="k"))
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(add() for _ in range(12)))) == 1
    assert len(await store.records(None)) == 1


async def test_a_replacement_that_is_refused_leaves_the_old_key_as_it_was(store: KeyStore) -> None:
    old = record()
    await store.add(old)
    await store.add(record(idempotency_key="k"))
    with pytest.raises(Conflict):
        await store.add(record(replaces=old.id, idempotency_key="k"), NOW)
    assert await store.find(old.id) == old
