"""The key store in memory; it passes the same tests as the one in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from colonnade.errors import Conflict
from colonnade.gateway.domain.keys import KeyRecord


class MemoryKeyStore:
    def __init__(self) -> None:
        self._records: dict[str, KeyRecord] = {}

    async def find(self, key_id: str) -> KeyRecord | None:
        return self._records.get(key_id)

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> KeyRecord | None:
        return next(
            (
                record
                for record in self._records.values()
                if (record.key.tenant, record.idempotency_key) == (tenant, idempotency_key)
            ),
            None,
        )

    async def ever(self) -> bool:
        return bool(self._records)

    async def records(self, tenant: str | None) -> Sequence[KeyRecord]:
        mine = [record for record in self._records.values() if tenant in (None, record.key.tenant)]
        return sorted(mine, key=lambda record: (record.key.created_at, record.id), reverse=True)

    async def add(self, record: KeyRecord, replaced_expires_at: datetime | None = None) -> None:
        if record.idempotency_key and await self.find_idempotent(record.key.tenant, record.idempotency_key):
            raise Conflict("this idempotency-key was used before; use a new one", field="idempotency-key")
        self._records[record.id] = record
        old = self._records.get(record.replaces)
        if old is not None and replaced_expires_at is not None:
            ends = min(filter(None, (old.key.expires_at, replaced_expires_at)))
            self._records[old.id] = replace(old, key=replace(old.key, expires_at=ends))

    async def revoke(self, key_id: str, at: datetime) -> None:
        record = self._records[key_id]
        self._records[key_id] = replace(record, key=replace(record.key, revoked_at=at))

    async def touch(self, used: Mapping[str, datetime]) -> None:
        for key_id, at in used.items():
            self._records[key_id] = replace(self._records[key_id], last_used_at=at)
