"""Forgetting in SQL: with a memory go its words and its vector, and what nothing is left of."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters import sql_words
from colonnade.memory.adapters.rows import within
from colonnade.memory.adapters.tables import MEMORIES, SUMMARIES
from colonnade.memory.domain.memories import Kind
from colonnade.memory.domain.scope import Scope


async def erase(connection: AsyncConnection, scope: Scope, which: Sequence[ColumnElement[bool]]) -> int:
    """The memories of ``scope`` that are so; how many there were. Words and vectors go with them."""
    these = and_(within(MEMORIES, [scope]), *which)
    words = await sql_words.drop(connection, scope, select(MEMORIES.c.id).where(these))
    gone = (await connection.execute(delete(MEMORIES).where(these))).rowcount
    if gone:
        await sql_words.count(connection, scope, -gone, -words)
        await _end_summaries(connection, scope)
    return gone


async def _end_summaries(connection: AsyncConnection, scope: Scope) -> None:
    """Of sessions that have no turn left."""
    turn = exists().where(
        and_(
            MEMORIES.c.tenant == SUMMARIES.c.tenant,
            MEMORIES.c.subject == SUMMARIES.c.subject,
            MEMORIES.c.session == SUMMARIES.c.session,
            MEMORIES.c.kind == Kind.TURN.value,
        )
    )
    await connection.execute(delete(SUMMARIES).where(within(SUMMARIES, [scope]), ~turn))
