"""Limits of keys, tenants and models in the gateway's own database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import BigInteger, Column, Row, String, Table, delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.gateway.adapters.sql import METADATA
from colonnade.gateway.domain.fair_use import Kind, LimitRecord, Quota, Scope
from colonnade.storage.sql import Database, by_code_point, micros, moment_of

LIMITS = Table(
    "limits",
    METADATA,
    Column("kind", by_code_point(16), primary_key=True),
    Column("tenant", by_code_point(64), primary_key=True),
    Column("name", by_code_point(256), primary_key=True),
    Column("requests_per_minute", BigInteger),
    Column("tokens_per_minute", BigInteger),
    Column("concurrent_requests", BigInteger),
    Column("monthly_tokens", BigInteger),
    Column("max_priority", BigInteger),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String(512), nullable=False),
)
_SCOPE = tuple_(LIMITS.c.kind, LIMITS.c.tenant, LIMITS.c.name)


class SqlLimitStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, scopes: Sequence[Scope]) -> Mapping[Scope, LimitRecord]:
        query = select(LIMITS).where(_SCOPE.in_([_values(scope) for scope in scopes]))
        async with self._database.reading() as connection:
            records = [_record(row) for row in await connection.execute(query)]
        return {record.scope: record for record in records}

    async def records(self, tenant: str | None) -> Sequence[LimitRecord]:
        query = select(LIMITS).order_by(LIMITS.c.tenant, LIMITS.c.kind, LIMITS.c.name)
        if tenant is not None:
            query = query.where(LIMITS.c.tenant == tenant)
        async with self._database.reading() as connection:
            return [_record(row) for row in await connection.execute(query)]

    async def put(self, record: LimitRecord) -> None:
        kind, tenant, name = _values(record.scope)
        row = {
            "kind": kind,
            "tenant": tenant,
            "name": name,
            **asdict(record.quota),
            "updated_at": micros(record.updated_at),
            "updated_by": record.updated_by,
        }

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(LIMITS).where(_is(record.scope)))
            await connection.execute(insert(LIMITS).values(**row))

        await self._database.write(work)

    async def delete(self, scope: Scope) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(LIMITS).where(_is(scope)))

        await self._database.write(work)


def _values(scope: Scope) -> tuple[str, str, str]:
    return scope.kind.value, scope.tenant, scope.name


def _is(scope: Scope) -> Any:
    return (
        (LIMITS.c.kind == scope.kind.value)
        & (LIMITS.c.tenant == scope.tenant)
        & (LIMITS.c.name == scope.name)
    )


def _record(row: Row[Any]) -> LimitRecord:
    quota = Quota(**{each.name: getattr(row, each.name) for each in fields(Quota)})
    scope = Scope(Kind(row.kind), row.tenant, row.name)
    return LimitRecord(scope, quota, moment_of(row.updated_at), row.updated_by)
