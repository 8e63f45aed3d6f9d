"""Takes a person's name out of a database whose records must stay: a pseudonym stands in its place.

A name is looked for as ``tenant/subject``, in every text of every table. The pseudonym is drawn at random for
each erasure, so that the records of one person still belong together and nothing leads back to them.
"""

import json
import re
import secrets
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, MetaData, String, Table, func, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Unavailable
from colonnade.storage.sql import Database

PSEUDONYM = "erased-"
_PLATFORM = "platform"
_KEY = "idempotency_key"
_AGAIN_SECONDS = 60


async def renamed(
    connection: AsyncConnection, metadata: MetaData, tenant: str, subject: str, spared: Collection[str] = ()
) -> dict[str, int]:
    """How many rows of each table named them. ``spared`` are columns that are no text of ours to change."""
    name, pseudonym = f"{tenant}/{subject}", f"{tenant}/{PSEUDONYM}{secrets.token_hex(8)}"
    changed = {}
    for table in metadata.sorted_tables:
        columns = [
            each for each in table.columns if isinstance(each.type, String) and str(each) not in spared
        ]
        rows = await _rename_in(connection, table, columns, name, pseudonym) if columns else 0
        if rows:
            changed[table.name] = rows
    return changed


async def holders(connection: AsyncConnection, *said: tuple[Any, Any]) -> dict[tuple[str, str], int]:
    """Tenant and subject of everybody whom the records name, and since when. ``said`` are pairs of columns:
    who, as ``tenant/subject``, and when, in microseconds. Services and pseudonyms are nobody."""
    since: dict[tuple[str, str], int] = {}
    for who, at in said:
        for name, first in await connection.execute(select(who, func.min(at)).group_by(who)):
            tenant, _, subject = name.partition("/")
            if subject and tenant != _PLATFORM and not subject.startswith(PSEUDONYM):
                since[tenant, subject] = min(int(first), since.get((tenant, subject), int(first)))
    return since


async def rewrite(database: Database, metadata: MetaData) -> None:
    """Writes the database's files anew, so that nothing is left in them of what was there before. On a server
    each table is locked meanwhile, one after the other. ``Unavailable`` where others hold on to what was."""
    try:
        async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            if database.is_sqlite:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                async with driver.execute("VACUUM"):
                    pass
                async with driver.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
                    busy = (await cursor.fetchone())[0]
            else:
                busy = 0
                for table in metadata.sorted_tables:
                    await connection.execute(text(f"VACUUM (FULL, ANALYZE) {table.name}"))
    except DBAPIError as error:
        raise _in_use() from error
    if busy:
        raise _in_use()


async def _rename_in(
    connection: AsyncConnection, table: Table, columns: Sequence[Any], name: str, pseudonym: str
) -> int:
    keys = list(table.primary_key.columns)
    words = _spellings(name)
    found = or_(*(_contains(column, word) for column in columns for word in words))
    query = select(*columns, *(key for key in keys if key.name not in {each.name for each in columns}))
    rows = (await connection.execute(query.where(found))).all()
    count = 0
    for row in rows:
        before = {column.name: getattr(row, column.name) for column in columns}
        after = {each: _replaced(said, words, pseudonym) for each, said in before.items() if said}
        values = {each: said for each, said in after.items() if said != before[each]}
        if values:
            if _KEY in before:
                values[_KEY] = ""
            this = [key == row._mapping[key.name] for key in keys]
            await connection.execute(update(table).where(*this).values(**values))
            count += 1
    return count


def _contains(column: Any, word: str) -> ColumnElement[bool]:
    return column.contains(word, autoescape=True)  # type: ignore[no-any-return]


def _spellings(name: str) -> list[str]:
    """As it is, and as JSON has it with and without characters beyond ASCII."""
    return sorted({name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]})


def names(said: str, name: str) -> bool:
    """Whole names alone: ``acme/al`` is not in ``acme/alice``, but it is in ``by acme/al.``"""
    return _whole(name).search(said) is not None


def _replaced(said: str, words: Sequence[str], pseudonym: str) -> str:
    for word in words:
        said = _whole(word).sub(pseudonym, said)
    return said


def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w@.-]){re.escape(name)}(?!\.?[\w@-])")


def _in_use() -> Unavailable:
    return Unavailable(
        "the database is in use, and its files still have what was erased; try again",
        retry_after_seconds=_AGAIN_SECONDS,
    )
