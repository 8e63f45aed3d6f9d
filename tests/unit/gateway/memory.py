"""The gateway's stores in memory; they pass the same tests as those in SQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from colonnade.errors import Conflict
from colonnade.gateway.adapters.sql_usage import covers
from colonnade.gateway.domain.fair_use import LimitRecord, Scope
from colonnade.gateway.domain.keys import KeyRecord
from colonnade.gateway.domain.usage import Amounts, Entry, UsageQuery, UsageRow


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


class MemoryLimitStore:
    def __init__(self) -> None:
        self._records: dict[Scope, LimitRecord] = {}

    async def find(self, scopes: Sequence[Scope]) -> Mapping[Scope, LimitRecord]:
        return {scope: self._records[scope] for scope in scopes if scope in self._records}

    async def records(self, tenant: str | None) -> Sequence[LimitRecord]:
        mine = [record for record in self._records.values() if tenant in (None, record.scope.tenant)]
        return sorted(mine, key=lambda each: (each.scope.tenant, each.scope.kind, each.scope.name))

    async def put(self, record: LimitRecord) -> None:
        self._records[record.scope] = record

    async def delete(self, scope: Scope) -> None:
        self._records.pop(scope, None)


class MemoryUsageLedger:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)

    async def flush(self) -> None:
        pass

    async def rows(self, query: UsageQuery) -> Sequence[UsageRow]:
        sums: defaultdict[tuple[str, ...], Amounts] = defaultdict(Amounts)
        for entry in self.entries:
            if query.first <= entry.day <= query.last and _wanted(query, entry):
                sums[tuple(_value(entry, name) for name in query.group_by)] += entry.amounts
        return [
            _row(query, values, amounts) for values, amounts in sorted(sums.items(), key=lambda each: each[0])
        ]

    async def spent(self, scope: Scope, day: date) -> int:
        return sum(
            entry.amounts.tokens
            for entry in self.entries
            if (entry.day.year, entry.day.month) == (day.year, day.month) and covers(scope, entry.account)
        )


def _wanted(query: UsageQuery, entry: Entry) -> bool:
    account = entry.account
    asked = [(query.tenant, account.tenant), (query.key_id, account.key_id), (query.model, account.model)]
    return all(wanted in (None, found) for wanted, found in asked)


def _value(entry: Entry, name: str) -> str:
    values = {"day": entry.day.isoformat(), "key": entry.account.key_id}
    return values[name] if name in values else str(getattr(entry.account, name))


def _row(query: UsageQuery, values: tuple[str, ...], amounts: Amounts) -> UsageRow:
    groups = dict(zip(query.group_by, values, strict=True))
    day = date.fromisoformat(groups.pop("day")) if "day" in groups else None
    return UsageRow(amounts, day=day, **groups)
