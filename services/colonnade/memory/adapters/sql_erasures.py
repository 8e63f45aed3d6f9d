"""Erasures in the memory service's database. It must be opened with ``secure_delete``: names were in them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.erasure_tables import ERASURES
from colonnade.memory.domain.erasures import Affected, AskedBy, Erasure, Step
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

_STEPS = TypeAdapter(tuple[Step, ...])
_AFFECTED = TypeAdapter(tuple[Affected, ...])
_OPEN = ERASURES.c.ended_at.is_(None)


class SqlErasures:
    """Implements ``ports.Erasures``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, erasure: Erasure, once: Once | None = None) -> Erasure:
        asked = asdict(once) if once else {"owner": "", "key": "", "fingerprint": ""}
        row = {**_row(erasure), "idempotency_key": asked.pop("key"), **asked}

        async def work(connection: AsyncConnection) -> Erasure:
            if known := await _known(connection, erasure.mark, once):
                return known
            await connection.execute(insert(ERASURES).values(**row))
            return erasure

        return await self._database.write(work)

    async def save(self, erasure: Erasure) -> None:
        async def work(connection: AsyncConnection) -> None:
            this = ERASURES.c.id == erasure.id
            await connection.execute(update(ERASURES).where(this).values(**_row(erasure)))

        await self._database.write(work)

    async def find(self, erasure_id: str) -> Erasure | None:
        found = await self._read(select(ERASURES).where(ERASURES.c.id == erasure_id))
        return found[0] if found else None

    async def page(self, tenant: str, *, before: str, limit: int) -> Sequence[Erasure]:
        query = select(ERASURES).where(ERASURES.c.tenant == tenant)
        if before:
            query = query.where(ERASURES.c.id < before)
        return await self._read(query.order_by(ERASURES.c.id.desc()).limit(limit))

    async def under_way(self, limit: int) -> Sequence[Erasure]:
        return await self._read(select(ERASURES).where(_OPEN).order_by(ERASURES.c.id).limit(limit))

    async def is_open(self, mark: str) -> bool:
        return bool(await self._read(select(ERASURES).where(_OPEN, ERASURES.c.mark == mark)))

    async def _read(self, query: Any) -> list[Erasure]:
        async with self._database.reading() as connection:
            return [_erasure(row) for row in await connection.execute(query)]


async def _known(connection: AsyncConnection, mark: str, once: Once | None) -> Erasure | None:
    same = and_(_OPEN, ERASURES.c.mark == mark)
    if once:
        keyed = and_(ERASURES.c.owner == once.owner, ERASURES.c.idempotency_key == once.key)
        row = (await connection.execute(select(ERASURES).where(keyed))).first()
        if row is not None:
            once.check(row.fingerprint)
            return _erasure(row)
    row = (await connection.execute(select(ERASURES).where(same))).first()
    return None if row is None else _erasure(row)


def _row(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": erasure.id,
        "tenant": erasure.tenant,
        "mark": erasure.mark,
        "why": erasure.why,
        "asked_by": erasure.asked_by.value,
        "began_at": micros(erasure.began_at),
        "ended_at": _micros(erasure.ended_at),
        "sealed": erasure.sealed,
        "steps": _STEPS.dump_json(erasure.steps).decode(),
        "affected": _AFFECTED.dump_json(erasure.affected).decode(),
        "receipt": erasure.receipt,
    }


def _erasure(row: Row[Any]) -> Erasure:
    return Erasure(
        id=row.id,
        tenant=row.tenant,
        mark=row.mark,
        why=row.why,
        asked_by=AskedBy(row.asked_by),
        began_at=moment_of(row.began_at),
        sealed=row.sealed,
        steps=_STEPS.validate_json(row.steps),
        affected=_AFFECTED.validate_json(row.affected),
        ended_at=None if row.ended_at is None else moment_of(row.ended_at),
        receipt=row.receipt,
    )


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)
