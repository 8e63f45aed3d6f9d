"""The memory service's database behind one port: SQLite on one machine, PostgreSQL on a cluster."""

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, or_, select, union

from colonnade.memory.adapters import sql_subjects
from colonnade.memory.adapters.rows import within
from colonnade.memory.adapters.sql_documents import SqlDocuments
from colonnade.memory.adapters.sql_memories import SqlMemories
from colonnade.memory.adapters.sql_sessions import SqlSessions
from colonnade.memory.adapters.sql_tidying import tidy
from colonnade.memory.adapters.tables import DOCUMENTS, SCOPES
from colonnade.memory.domain.erasures import Held
from colonnade.memory.domain.scope import Scope


class SqlMemoryStore(SqlMemories, SqlDocuments, SqlSessions):
    """Implements ``ports.MemoryStore``. Its database must be opened with ``secure_delete``."""

    async def scopes(self, *, after: Scope | None, limit: int) -> Sequence[Scope]:
        held = union(*(select(table.c.tenant, table.c.subject) for table in (SCOPES, DOCUMENTS))).subquery()
        query = select(held).order_by(held.c.tenant, held.c.subject).limit(limit)
        if after is not None:
            same = and_(held.c.tenant == after.tenant, held.c.subject > after.subject)
            query = query.where(or_(held.c.tenant > after.tenant, same))
        async with self._database.reading() as connection:
            return [Scope(row.tenant, row.subject) for row in await connection.execute(query)]

    async def count(self, scope: Scope) -> int:
        query = select(SCOPES.c.memories).where(within(SCOPES, [scope]))
        async with self._database.reading() as connection:
            return int(await connection.scalar(query) or 0)

    async def erase(self, scope: Scope) -> Mapping[str, int]:
        return await sql_subjects.erase_all(self._database, scope)

    async def held(self, *, after: Scope | None) -> Sequence[Held]:
        async with self._database.reading() as connection:
            return await sql_subjects.held(connection, after)

    async def tidy(self) -> None:
        await tidy(self._database)
