"""Keys in the gateway's own database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    MetaData,
    Row,
    String,
    Table,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict
from colonnade.gateway.domain.keys import KeyRecord
from colonnade.security.identity import Role
from colonnade.security.keys import ApiKey
from colonnade.storage.sql import Database, micros, moment_of

METADATA = MetaData()
KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("secret_hash", String(128), nullable=False),
    Column("tenant", String(64), nullable=False, index=True),
    Column("roles", String(256), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("name", String(256), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(512), nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("replaces", String(64), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
)
_USED = text("idempotency_key <> ''")
Index(
    "ix_api_keys_idempotency",
    KEYS.c.tenant,
    KEYS.c.idempotency_key,
    unique=True,
    sqlite_where=_USED,
    postgresql_where=_USED,
)


class SqlKeyStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> KeyRecord | None:
        return await self._one(KEYS.c.id == key_id)

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> KeyRecord | None:
        return await self._one((KEYS.c.tenant == tenant) & (KEYS.c.idempotency_key == idempotency_key))

    async def ever(self) -> bool:
        async with self._database.reading() as connection:
            return (await connection.execute(select(KEYS.c.id).limit(1))).first() is not None

    async def records(self, tenant: str | None) -> Sequence[KeyRecord]:
        query = select(KEYS).order_by(KEYS.c.created_at.desc(), KEYS.c.id.desc())
        if tenant is not None:
            query = query.where(KEYS.c.tenant == tenant)
        async with self._database.reading() as connection:
            return [_record(row) for row in await connection.execute(query)]

    async def add(self, record: KeyRecord, replaced_expires_at: datetime | None = None) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(KEYS).values(**_row(record)))
            if replaced_expires_at is not None:
                ends = _micros(replaced_expires_at)
                sooner = func.coalesce(KEYS.c.expires_at, ends) >= ends
                statement = update(KEYS).where(KEYS.c.id == record.replaces, sooner)
                await connection.execute(statement.values(expires_at=ends))

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise Conflict(
                "this idempotency-key was used before; use a new one", field="idempotency-key"
            ) from error

    async def revoke(self, key_id: str, at: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            unrevoked = (KEYS.c.id == key_id) & KEYS.c.revoked_at.is_(None)
            await connection.execute(update(KEYS).where(unrevoked).values(revoked_at=_micros(at)))

        await self._database.write(work)

    async def touch(self, used: Mapping[str, datetime]) -> None:
        async def work(connection: AsyncConnection) -> None:
            for key_id, at in used.items():
                statement = update(KEYS).where(KEYS.c.id == key_id)
                await connection.execute(statement.values(last_used_at=_micros(at)))

        await self._database.write(work)

    async def _one(self, condition: Any) -> KeyRecord | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(KEYS).where(condition))).first()
        return None if row is None else _record(row)


def _row(record: KeyRecord) -> dict[str, Any]:
    key = record.key
    return {
        "id": key.id,
        "secret_hash": key.hash,
        "tenant": key.tenant,
        "roles": " ".join(sorted(key.roles)),
        "subject": key.subject,
        "name": key.name,
        "created_at": micros(key.created_at),
        "created_by": record.created_by,
        "expires_at": _micros(key.expires_at),
        "revoked_at": _micros(key.revoked_at),
        "last_used_at": _micros(record.last_used_at),
        "replaces": record.replaces,
        "idempotency_key": record.idempotency_key,
    }


def _record(row: Row[Any]) -> KeyRecord:
    key = ApiKey(
        id=row.id,
        tenant=row.tenant,
        subject=row.subject,
        roles=frozenset(Role(role) for role in row.roles.split()),
        created_at=moment_of(row.created_at),
        expires_at=_time(row.expires_at),
        revoked_at=_time(row.revoked_at),
        name=row.name,
        hash=row.secret_hash,
    )
    return KeyRecord(key, row.created_by, _time(row.last_used_at), row.replaces, row.idempotency_key)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def _time(stored: int | None) -> datetime | None:
    return None if stored is None else moment_of(stored)
