"""Batches and their lines' results in the gateway's own database; a lease says who works on one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.gateway.adapters.batch_rows import batch_of, row_of
from colonnade.gateway.adapters.batch_tables import BATCHES, FILES, LINES
from colonnade.gateway.adapters.pages import page_of
from colonnade.gateway.adapters.sql_files import file_row, used_before
from colonnade.gateway.domain.batches import UNFINISHED, Batch, LeaseLost, LineResult
from colonnade.gateway.domain.files import FileRecord, PageQuery
from colonnade.storage.sql import Database, micros

_Update = Callable[[Batch], Batch]
_RESULT = [LINES.c.line, LINES.c.custom_id, LINES.c.status_code, LINES.c.request_id, LINES.c.body]


class SqlBatchStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, batch: Batch) -> None:
        async def work(connection: AsyncConnection) -> None:
            mine = (FILES.c.tenant == batch.tenant) & (FILES.c.id == batch.input_file_id)
            if (await connection.execute(select(FILES.c.id).where(mine))).first() is None:
                raise no_input(batch.input_file_id)
            unleased = {"lease_holder": "", "lease_until": 0}
            await connection.execute(insert(BATCHES).values(**row_of(batch), **unleased))

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise used_before() from error

    async def find(self, tenant: str, batch_id: str) -> Batch | None:
        return await self._one((BATCHES.c.tenant == tenant) & (BATCHES.c.id == batch_id))

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> Batch | None:
        return await self._one((BATCHES.c.tenant == tenant) & (BATCHES.c.idempotency_key == idempotency_key))

    async def page(self, tenant: str, query: PageQuery) -> Sequence[Batch]:
        async with self._database.reading() as connection:
            return [batch_of(row) for row in await page_of(connection, BATCHES, tenant, query)]

    async def change(self, batch_id: str, update: _Update, holder: str = "") -> Batch:
        async def work(connection: AsyncConnection) -> Batch:
            return await _changed(connection, batch_id, update, holder)

        return await self._database.write(work)

    async def claim(self, holder: str, now: datetime, until: datetime) -> Batch | None:
        free = BATCHES.c.status.in_(UNFINISHED) & (BATCHES.c.lease_until <= micros(now))
        oldest = select(BATCHES).where(free).order_by(BATCHES.c.created_at, BATCHES.c.id).limit(1)
        async with self._database.reading() as connection:
            if (await connection.execute(oldest)).first() is None:
                return None  # without a write, every few seconds

        async def work(connection: AsyncConnection) -> Batch | None:
            row = (await connection.execute(oldest)).first()
            if row is None:
                return None
            lease = {"lease_holder": holder, "lease_until": micros(until)}
            await connection.execute(update(BATCHES).where(BATCHES.c.id == row.id).values(**lease))
            return batch_of(row)

        return await self._database.write(work)

    async def renew(self, batch_id: str, holder: str, until: datetime) -> Batch:
        async def work(connection: AsyncConnection) -> Batch:
            batch = await _held(connection, batch_id, holder)
            statement = update(BATCHES).where(BATCHES.c.id == batch_id)
            await connection.execute(statement.values(lease_until=micros(until)))
            return batch

        return await self._database.write(work)

    async def release(self, batch_id: str, holder: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            held = (BATCHES.c.id == batch_id) & (BATCHES.c.lease_holder == holder)
            await connection.execute(update(BATCHES).where(held).values(lease_holder="", lease_until=0))

        await self._database.write(work)

    async def record(self, batch_id: str, holder: str, result: LineResult) -> Batch:
        row = {column.name: getattr(result, column.name) for column in _RESULT}

        async def work(connection: AsyncConnection) -> Batch:
            batch = await _changed(connection, batch_id, lambda found: found.counted(result), holder)
            await connection.execute(insert(LINES).values(batch_id=batch_id, **row))
            return batch

        return await self._database.write(work)

    async def done(self, batch_id: str) -> frozenset[int]:
        async with self._database.reading() as connection:
            found = await connection.execute(select(LINES.c.line).where(LINES.c.batch_id == batch_id))
            return frozenset(found.scalars())

    async def results(self, batch_id: str, after: int, limit: int) -> Sequence[LineResult]:
        mine = (LINES.c.batch_id == batch_id) & (LINES.c.line > after)
        statement = select(*_RESULT).where(mine).order_by(LINES.c.line).limit(limit)
        async with self._database.reading() as connection:
            return [LineResult(**row._asdict()) for row in await connection.execute(statement)]

    async def finish(self, batch_id: str, holder: str, update: _Update, files: Sequence[FileRecord]) -> Batch:
        async def work(connection: AsyncConnection) -> Batch:
            batch = await _changed(connection, batch_id, update, holder)
            for record in files:
                await connection.execute(insert(FILES).values(**file_row(record)))
            await connection.execute(delete(LINES).where(LINES.c.batch_id == batch_id))
            return batch

        return await self._database.write(work)

    async def _one(self, condition: Any) -> Batch | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(BATCHES).where(condition))).first()
        return None if row is None else batch_of(row)


async def _changed(connection: AsyncConnection, batch_id: str, change: _Update, holder: str) -> Batch:
    before = await _held(connection, batch_id, holder)
    batch = change(before)
    if batch != before:
        statement = update(BATCHES).where(BATCHES.c.id == batch_id)
        await connection.execute(statement.values(**row_of(batch)))
    return batch


async def _held(connection: AsyncConnection, batch_id: str, holder: str) -> Batch:
    row = (await connection.execute(select(BATCHES).where(BATCHES.c.id == batch_id))).first()
    if row is None:
        raise NotFound(f"there is no batch {batch_id}", field="batch_id")
    if holder and row.lease_holder != holder:
        raise LeaseLost(f"another gateway works on {batch_id}")
    return batch_of(row)


def no_input(file_id: str) -> NotFound:
    return NotFound(f"there is no file {file_id}; upload it with POST /v1/files", field="input_file_id")
