"""What is known of files, in the gateway's own database."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, TooLarge
from colonnade.gateway.adapters.batch_tables import BATCHES, FILES
from colonnade.gateway.adapters.pages import page_of
from colonnade.gateway.domain.batches import UNFINISHED
from colonnade.gateway.domain.files import FileRecord, PageQuery, Purpose
from colonnade.storage.sql import Database, micros, moment_of


class SqlFileStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: FileRecord, most_bytes: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            total = select(func.sum(FILES.c.size_bytes)).where(FILES.c.tenant == record.tenant)
            check_room(int((await connection.execute(total)).scalar() or 0), record, most_bytes)
            await connection.execute(insert(FILES).values(**file_row(record)))

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise used_before() from error

    async def find(self, tenant: str, file_id: str) -> FileRecord | None:
        return await self._one((FILES.c.tenant == tenant) & (FILES.c.id == file_id))

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> FileRecord | None:
        return await self._one((FILES.c.tenant == tenant) & (FILES.c.idempotency_key == idempotency_key))

    async def page(self, tenant: str, query: PageQuery) -> Sequence[FileRecord]:
        conditions = [] if query.purpose is None else [FILES.c.purpose == query.purpose]
        async with self._database.reading() as connection:
            return [_record(row) for row in await page_of(connection, FILES, tenant, query, *conditions)]

    async def remove(self, tenant: str, file_id: str) -> bool:
        reads = (BATCHES.c.input_file_id == file_id) & BATCHES.c.status.in_(UNFINISHED)

        async def work(connection: AsyncConnection) -> bool:
            reader = await connection.execute(select(BATCHES.c.id).where(BATCHES.c.tenant == tenant, reads))
            if (batch := reader.scalar()) is not None:
                raise in_use(batch)
            mine = (FILES.c.tenant == tenant) & (FILES.c.id == file_id)
            return bool((await connection.execute(delete(FILES).where(mine))).rowcount)

        return await self._database.write(work)

    async def unknown(self, file_ids: Sequence[str]) -> Sequence[str]:
        async with self._database.reading() as connection:
            known = await connection.execute(select(FILES.c.id).where(FILES.c.id.in_(file_ids)))
            return sorted(set(file_ids) - set(known.scalars()))

    async def _one(self, condition: Any) -> FileRecord | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(FILES).where(condition))).first()
        return None if row is None else _record(row)


def check_room(taken: int, record: FileRecord, most_bytes: int) -> None:
    if taken + record.size_bytes > most_bytes:
        raise TooLarge(
            f"the files of a tenant may have {most_bytes} bytes together, and yours would have "
            f"{taken + record.size_bytes}; delete some first",
            field="file",
            limit=most_bytes,
        )


def used_before() -> Conflict:
    return Conflict("this idempotency-key was used before; use a new one", field="idempotency-key")


def in_use(batch_id: str) -> Conflict:
    return Conflict(
        f"{batch_id} reads the file; cancel it, or delete the file once it has ended", field="file_id"
    )


def file_row(record: FileRecord) -> dict[str, Any]:
    return asdict(record) | {"created_at": micros(record.created_at)}


def _record(row: Row[Any]) -> FileRecord:
    fields = row._asdict()
    return FileRecord(**fields | {"purpose": Purpose(row.purpose), "created_at": moment_of(row.created_at)})
