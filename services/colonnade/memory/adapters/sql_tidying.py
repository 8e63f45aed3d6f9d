"""Overwrites what was forgotten, in the files of the memory service's database.

**SQLite** overwrites deleted rows at once (``secure_delete``); what is left is in the older parts of its
index of words, which are merged into one here, and in the log of writes, which is emptied. **PostgreSQL**
leaves deleted rows where they were: even after ``VACUUM`` their bytes stay in a page until something else
needs the room. So the tables with texts are written anew (``VACUUM FULL``), each locked meanwhile. Its
write-ahead log goes its own way: segments are overwritten when they are used again, archives and backups by
whoever keeps them.
"""

import asyncio
import time
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Unavailable
from colonnade.memory.adapters import tables
from colonnade.memory.adapters.vector_tables import VECTORS
from colonnade.storage.sql import BUSY_SECONDS, Database

_PAGES = 1000
"""Of the index of words, merged in one transaction: writers wait only for so long."""
_WITH_TEXTS = (
    tables.MEMORIES, tables.WORDS, tables.SCOPES, tables.SUMMARIES, tables.DOCUMENTS, tables.TEXTS,
)  # fmt: skip
_PATIENCE_MS, _PAUSE, _AGAIN_SECONDS = 20, 0.1, 60


async def tidy(database: Database) -> None:
    """``Unavailable`` where readers hold on to what was there before; another time will do."""
    if database.is_sqlite:
        await _merge(database)
        await _empty_log(database)
    else:
        await _vacuum(database)


async def _merge(database: Database) -> None:
    """FTS5 marks words as gone, and drops them where its parts are merged. A negative number begins with all
    parts, a positive one goes on with what was begun; see its documentation of ``merge``. Its own
    ``secure-delete`` came with SQLite 3.42, which is younger than many in use."""
    pages = -_PAGES
    while await database.write(lambda connection, asked=pages: _merged(connection, asked)):  # type: ignore[misc]
        pages = _PAGES


async def _merged(connection: AsyncConnection, pages: int) -> bool:
    """Whether there was something to do."""
    changes = text("SELECT total_changes()")
    before = int(await connection.scalar(changes) or 0)
    merge = text("INSERT INTO memory_fts(memory_fts, rank) VALUES('merge', :pages)")
    await connection.execute(merge, {"pages": pages})
    return int(await connection.scalar(changes) or 0) - before >= 2  # the statement itself counts as one


async def _empty_log(database: Database) -> None:
    """Outside of a transaction, where alone it can be done. Writers wait while it waits for readers: so it
    waits for a moment only, and tries again."""
    async with database.engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        patience = await _asked(driver, "PRAGMA busy_timeout")
        await _asked(driver, f"PRAGMA busy_timeout={_PATIENCE_MS}")
        try:
            deadline = time.monotonic() + BUSY_SECONDS
            while await _asked(driver, "PRAGMA wal_checkpoint(TRUNCATE)"):
                if time.monotonic() > deadline:
                    raise Unavailable(
                        "the database's log is in use, and still has what was forgotten; try again",
                        retry_after_seconds=_AGAIN_SECONDS,
                    )
                await asyncio.sleep(_PAUSE)
        finally:
            await _asked(driver, f"PRAGMA busy_timeout={patience}")


async def _asked(driver: Any, pragma: str) -> int:
    """The first number of the answer; of a checkpoint, whether something was in its way."""
    async with driver.execute(pragma) as cursor:
        return int((await cursor.fetchone())[0])


async def _vacuum(database: Database) -> None:
    outside = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        async with outside.connect() as connection:
            for table in _WITH_TEXTS:
                await connection.execute(text(f"VACUUM (FULL, ANALYZE) {table.name}"))
            # Its index of neighbours would take minutes to build, and there is no text in it.
            await connection.execute(text(f"VACUUM (ANALYZE) {VECTORS.name}"))
    except DBAPIError as error:
        raise Unavailable(
            "tables are in use, and could not be written anew without what was forgotten; try again",
            retry_after_seconds=_AGAIN_SECONDS,
        ) from error
