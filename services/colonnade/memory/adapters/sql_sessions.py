"""Sessions in the memory service's database: they are what their turns are, and perhaps a summary."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import InvalidArgument
from colonnade.memory.adapters.rows import within
from colonnade.memory.adapters.sql_erasing import erase
from colonnade.memory.adapters.tables import MEMORIES, SUMMARIES
from colonnade.memory.domain.memories import Kind, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.sessions import Session
from colonnade.storage.sql import Database, moment_of

_IS_TURN = MEMORIES.c.kind == Kind.TURN.value
_latest = func.max(MEMORIES.c.happened_at)


class SqlSessions:
    """The part of ``ports.MemoryStore`` that is about sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sessions(self, scope: Scope, *, before: str, limit: int) -> Sequence[Session]:
        query = _sessions(scope).order_by(_latest.desc(), MEMORIES.c.session.desc()).limit(limit)
        async with self._database.reading() as connection:
            if before:
                last = await _last(connection, scope, before)
                same = and_(_latest == last, MEMORIES.c.session < before)
                query = query.having(or_(_latest < last, same))
            return [_session_of(row) for row in await connection.execute(query)]

    async def session(self, scope: Scope, session: str) -> Session | None:
        query = _sessions(scope).where(MEMORIES.c.session == session)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _session_of(row)

    async def summarise(self, scope: Scope, session: str, summary: str, up_to: str) -> None:
        """An empty one takes the one before away."""
        mine = and_(within(SUMMARIES, [scope]), SUMMARIES.c.session == session)
        turn = and_(MEMORIES.c.id == up_to, MEMORIES.c.session == session, _IS_TURN)
        row = {
            "tenant": scope.tenant,
            "subject": scope.subject,
            "session": session,
            "summary": summary,
            "summarised": up_to,
        }

        async def work(connection: AsyncConnection) -> None:
            there = await connection.scalar(select(MEMORIES.c.id).where(within(MEMORIES, [scope]), turn))
            if there or not summary:
                await connection.execute(delete(SUMMARIES).where(mine))
            if there and summary:  # else it is of a session that has ended, whose name may be in use again
                await connection.execute(insert(SUMMARIES).values(**row))

        await self._database.write(work)

    async def end_session(self, scope: Scope, session: str) -> int:
        of_it = [MEMORIES.c.session == session, or_(_IS_TURN, MEMORIES.c.tier == Tier.TASK.value)]

        async def work(connection: AsyncConnection) -> int:
            return await erase(connection, scope, of_it)

        return await self._database.write(work) if session else 0


def _sessions(scope: Scope) -> Select[Any]:
    summary = (
        select(SUMMARIES.c.session, SUMMARIES.c.summary, SUMMARIES.c.summarised)
        .where(within(SUMMARIES, [scope]))
        .subquery()
    )
    columns = (
        MEMORIES.c.session,
        func.count().label("turns"),
        func.min(MEMORIES.c.happened_at).label("began_at"),
        _latest.label("last_at"),
        func.coalesce(func.max(summary.c.summary), "").label("summary"),
        func.coalesce(func.max(summary.c.summarised), "").label("summarised"),
    )
    return (
        select(*columns)
        .outerjoin_from(MEMORIES, summary, summary.c.session == MEMORIES.c.session)
        .where(within(MEMORIES, [scope]), _IS_TURN)
        .group_by(MEMORIES.c.session)
    )


async def _last(connection: AsyncConnection, scope: Scope, session: str) -> int:
    """``InvalidArgument`` for a session that is there no longer: nobody knows where it stood."""
    turns = and_(within(MEMORIES, [scope]), _IS_TURN, MEMORIES.c.session == session)
    last = await connection.scalar(select(_latest).where(turns))
    if last is None:
        raise InvalidArgument(
            f"the session {session} has ended, and what comes after it is not known; ask for the first page",
            field="page",
        )
    return int(last)


def _session_of(row: Row[Any]) -> Session:
    began, last = moment_of(row.began_at), moment_of(row.last_at)
    return Session(row.session, row.turns, began, last, row.summary, row.summarised)
