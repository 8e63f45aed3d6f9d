"""The usage ledger in the gateway's own database, sums by day."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, Row, String, Table, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.gateway.adapters.journal import Batch, Journal
from colonnade.gateway.adapters.sql import METADATA
from colonnade.gateway.domain.fair_use import Kind, Scope
from colonnade.gateway.domain.usage import Account, Amounts, Entry, UsageQuery, UsageRow
from colonnade.storage.sql import Database, by_code_point

USAGE = Table(
    "usage",
    METADATA,
    Column("day", String(10), primary_key=True),
    Column("tenant", by_code_point(64), primary_key=True),
    Column("key_id", by_code_point(64), primary_key=True),
    Column("model", by_code_point(256), primary_key=True),
    Column("adapter", by_code_point(256), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cached_requests", BigInteger, nullable=False, server_default="0"),
    Column("cached_completion_tokens", BigInteger, nullable=False, server_default="0"),
)
BATCHES = Table("usage_batches", METADATA, Column("id", String(64), primary_key=True))
_AMOUNTS = (
    "requests",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "cached_requests",
    "cached_completion_tokens",
)
_COLUMNS = {"day": "day", "tenant": "tenant", "key": "key_id", "model": "model", "adapter": "adapter"}


class SqlUsageLedger:
    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._turn = asyncio.Lock()
        self._written: list[str] = []
        """Batches whose files are gone: nobody will ask again whether they were written."""

    def record(self, entry: Entry) -> None:
        self._journal.append(entry)

    async def flush(self) -> None:
        async with self._turn:
            for batch in self._journal.cut():
                await self._write(batch)

    async def rows(self, query: UsageQuery) -> Sequence[UsageRow]:
        await self.flush()
        groups = [USAGE.c[_COLUMNS[name]].label(name) for name in query.group_by]
        sums = [func.sum(USAGE.c[name]).label(name) for name in _AMOUNTS]
        statement = select(*groups, *sums).where(*_conditions(query))
        statement = statement.group_by(*groups).order_by(*groups)
        async with self._database.reading() as connection:
            found = (await connection.execute(statement)).all()
        return [_row(row, query.group_by) for row in found if row.requests is not None]

    async def spent(self, scope: Scope, day: date) -> int:
        month = day.isoformat()[:8]
        total = func.sum(USAGE.c.prompt_tokens + USAGE.c.completion_tokens)
        statement = select(total).where(
            USAGE.c.day >= f"{month}01", USAGE.c.day <= f"{month}31", *_of_scope(scope)
        )
        async with self._turn:  # what is pending is not in the sum, and the other way round
            async with self._database.reading() as connection:
                written = (await connection.execute(statement)).scalar() or 0
            return int(written) + sum(
                entry.amounts.tokens
                for entry in self._journal.pending
                if entry.day.isoformat().startswith(month) and covers(scope, entry.account)
            )

    async def _write(self, batch: Batch) -> None:
        sums, written = _summed(batch.entries), list(self._written)
        upsert = sqlite_insert if self._database.is_sqlite else postgresql_insert

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(BATCHES).where(BATCHES.c.id.in_(written)))
            known = select(BATCHES.c.id).where(BATCHES.c.id == batch.id)
            if (await connection.execute(known)).first() is not None or not sums:
                return  # its process was killed after it was written, before its file was gone
            await connection.execute(insert(BATCHES).values(id=batch.id))
            statement = upsert(USAGE).values([_values(*each) for each in sums.items()])
            added = {name: USAGE.c[name] + statement.excluded[name] for name in _AMOUNTS}
            key = [column.name for column in USAGE.primary_key]
            await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=added))

        await self._database.write(work)
        self._journal.done(batch)
        self._written = [batch.id]


def covers(scope: Scope, account: Account) -> bool:
    """Whether what stands in an account counts for a scope."""
    if scope.tenant != account.tenant:
        return False
    if scope.kind is Kind.KEY:
        return scope.name == account.key_id
    return scope.kind is Kind.TENANT or scope.name == account.model


def _summed(entries: Iterable[Entry]) -> dict[tuple[date, Account], Amounts]:
    sums: dict[tuple[date, Account], Amounts] = defaultdict(Amounts)
    for entry in entries:
        sums[entry.day, entry.account] += entry.amounts
    return sums


def _values(where: tuple[date, Account], amounts: Amounts) -> dict[str, Any]:
    day, account = where
    row = {name: getattr(amounts, name) for name in _AMOUNTS}
    return row | {
        "day": day.isoformat(),
        "tenant": account.tenant,
        "key_id": account.key_id,
        "model": account.model,
        "adapter": account.adapter,
    }


def _conditions(query: UsageQuery) -> list[Any]:
    wanted = {"tenant": query.tenant, "key_id": query.key_id, "model": query.model}
    equal = [USAGE.c[name] == value for name, value in wanted.items() if value is not None]
    return [USAGE.c.day >= query.first.isoformat(), USAGE.c.day <= query.last.isoformat(), *equal]


def _of_scope(scope: Scope) -> list[Any]:
    conditions = [USAGE.c.tenant == scope.tenant]
    if scope.kind is Kind.KEY:
        conditions.append(USAGE.c.key_id == scope.name)
    if scope.kind is Kind.MODEL:
        conditions.append(USAGE.c.model == scope.name)
    return conditions


def _row(row: Row[Any], group_by: Sequence[str]) -> UsageRow:
    amounts = Amounts(*(int(getattr(row, name)) for name in _AMOUNTS))
    groups = {name: getattr(row, name) for name in group_by}
    if "day" in groups:
        groups["day"] = date.fromisoformat(groups["day"])
    return UsageRow(amounts, **groups)
