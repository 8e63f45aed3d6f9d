"""Fills an empty database from a backup: as it was written, then brought to the schema of this release."""

import gzip
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, Unavailable
from colonnade.registry.adapters.draft_tables import DRAFTS
from colonnade.registry.adapters.dump import PACKAGE, kept_tables, revision_table, row_of
from colonnade.registry.adapters.upkeep_tables import LEASES
from colonnade.registry.backups.listing import Damaged, Table
from colonnade.storage.migrations import current_revision, folder_of, upgrade
from colonnade.storage.sql import Database

_ROWS_AT_ONCE = 500
_MARK = LEASES.c.name == "restore"


class SqlLoad:
    """Implements ``backups.ports.RecordLoad``. Nothing else may use the database meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions = revision_table(database)

    async def begin(self, backup: str, schema: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            there = await connection.run_sync(current_revision, self._versions)
            if there and await _marked(connection) is None:
                await self._check_empty(connection)
            if there and there != schema:
                raise Conflict(
                    f"the database is of schema {there} and the backup of {schema}; restore into a new one",
                    field="to",
                )
            await connection.run_sync(upgrade, folder_of(PACKAGE), self._versions, schema)
            await connection.execute(sa.delete(LEASES).where(_MARK))
            values = {"name": "restore", "holder": backup, "until": 0, "last": 0}
            await connection.execute(sa.insert(LEASES).values(**values))

        await self._database.write(work, alone=True)

    async def load(self, backup: str, tables: Sequence[Table], folder: Path) -> str:
        async def work(connection: AsyncConnection) -> str:
            if await _marked(connection) != backup:
                raise Conflict("another restore has begun meanwhile; run it again")
            await self._check_empty(connection)
            await connection.run_sync(_fill, tables, folder)
            await connection.execute(sa.delete(LEASES).where(_MARK))
            schema = await connection.run_sync(upgrade, folder_of(PACKAGE), self._versions)
            await connection.execute(sa.update(DRAFTS).values(importer=""))  # nobody does here
            return schema

        return await self._database.write(work, alone=True)

    async def _check_empty(self, connection: AsyncConnection) -> None:
        names = await connection.run_sync(lambda sync: set(sa.inspect(sync).get_table_names()))
        for table in kept_tables():
            if table.name not in names:
                continue
            if await connection.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)):
                raise Conflict("the database has records already; restore into an empty registry", field="to")


async def check_whole(database: Database) -> None:
    """``Unavailable`` where a restore was broken off: what is there is not all of it."""
    async with database.reading() as connection:
        if await _marked(connection) is not None:
            raise Unavailable(
                "a restore of this registry was broken off; run `colonnade registry restore` again"
            )


async def _marked(connection: AsyncConnection) -> str | None:
    there = await connection.run_sync(lambda sync: sa.inspect(sync).has_table(LEASES.name))
    return await connection.scalar(sa.select(LEASES.c.holder).where(_MARK)) if there else None


def _fill(connection: sa.Connection, tables: Sequence[Table], folder: Path) -> None:
    """Through the tables as the database has them: those of the code may be newer."""
    there = sa.MetaData()
    there.reflect(connection, only=[table.name for table in tables])
    files = {table.name: folder / table.file for table in tables}
    for table in there.sorted_tables:
        if table.name in files:
            for rows in _rows(files[table.name]):
                try:
                    connection.execute(table.insert(), rows)
                except sa.exc.IntegrityError as error:
                    raise Damaged(
                        f"the rows of {table.name} contradict each other", part=table.name
                    ) from error


def _rows(path: Path) -> Iterator[list[dict[str, object]]]:
    with gzip.open(path, "rb") as lines:
        while rows := [row_of(line) for line in islice(lines, _ROWS_AT_ONCE)]:
            yield rows
