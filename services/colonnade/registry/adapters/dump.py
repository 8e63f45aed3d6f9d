"""The registry's records as files: a line of JSON a row, all tables as they were at one moment."""

import asyncio
import base64
import gzip
import hashlib
import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry import adapters
from colonnade.registry.adapters.naming import named
from colonnade.registry.adapters.tables import METADATA
from colonnade.registry.adapters.upkeep_tables import TRANSIENT
from colonnade.registry.backups.listing import Table
from colonnade.registry.backups.ports import Records
from colonnade.registry.service import utc_now
from colonnade.storage.migrations import current_revision
from colonnade.storage.sql import Database

PACKAGE = "colonnade.registry"
_BYTES = "$bytes"
_ROWS_AT_ONCE = 1000


class SqlRecords:
    """Implements ``backups.ports.RecordDump``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def dump(self, folder: Path) -> Records:
        async with self._database.reading() as connection:
            schema = await connection.run_sync(current_revision, revision_table(self._database))
            at = utc_now()
            tables = [await _written(connection, table, folder) for table in kept_tables()]
            versions, *others = [frozenset(await connection.scalars(query)) for query, _ in named()]
        return Records(at, schema, tuple(tables), versions, frozenset().union(*others) - versions)


def kept_tables() -> list[sa.Table]:
    """Those that are part of a backup, each after those that it refers to."""
    for module in iter_modules(adapters.__path__):
        if module.name.endswith("_tables"):
            import_module(f"{adapters.__name__}.{module.name}")
    return [table for table in METADATA.sorted_tables if table.name not in TRANSIENT]


def revision_table(database: Database) -> str:
    """Where the migrations of the registry are remembered."""
    return "alembic_version" if database.is_sqlite else "registry_version"


def line_of(row: dict[str, Any]) -> bytes:
    return json.dumps({name: _plain(value) for name, value in row.items()}).encode() + b"\n"


def row_of(line: bytes) -> dict[str, Any]:
    return {name: _value(value) for name, value in json.loads(line).items()}


async def _written(connection: AsyncConnection, table: sa.Table, folder: Path) -> Table:
    rows, path = 0, folder / f"{table.name}.jsonl.gz"
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        query = sa.select(table).order_by(*table.primary_key.columns)
        found = await connection.stream(query)
        async for part in found.mappings().partitions(_ROWS_AT_ONCE):
            rows += len(part)
            await asyncio.to_thread(packed.writelines, [line_of(dict(row)) for row in part])
    return Table(table.name, rows, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")


def _plain(value: Any) -> Any:
    return {_BYTES: base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _value(value: Any) -> Any:
    return base64.b64decode(value[_BYTES]) if isinstance(value, dict) else value
