"""All that the memory service's database keeps of a subject: deleted, and who is in there at all."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import and_, delete, func, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.rows import within
from colonnade.memory.adapters.sql_erasing import erase
from colonnade.memory.adapters.tables import DOCUMENTS, MEMORIES, SCOPES, SUMMARIES
from colonnade.memory.domain.erasures import Held
from colonnade.memory.domain.scope import Scope
from colonnade.storage.sql import Database, moment_of

_AT_ONCE = 1000
"""Memories in one transaction: others write between them."""
_PAGE = 1000
_ASKED_BY_NOBODY = {"owner": "", "idempotency_key": "", "fingerprint": ""}


async def erase_all(database: Database, scope: Scope) -> Mapping[str, int]:
    """How much of what. Safe to break off, and to repeat."""
    removed = {"memories": 0}
    while gone := await database.write(lambda connection: _some(connection, scope)):
        removed["memories"] += gone

    async def rest(connection: AsyncConnection) -> None:
        for what, table in (("summaries", SUMMARIES), ("documents", DOCUMENTS), ("counts", SCOPES)):
            removed[what] = (await connection.execute(delete(table).where(within(table, [scope])))).rowcount
        removed["names"] = await _forget_owner(connection, scope) + await _forget_person(connection, scope)

    await database.write(rest)
    del removed["counts"]
    return removed


async def held(connection: AsyncConnection, after: Scope | None) -> Sequence[Held]:
    """In order, those after ``after``. What tenants share has no subject."""
    tables = (MEMORIES, DOCUMENTS)
    kept = union_all(
        *(
            select(table.c.tenant, table.c.subject, func.min(table.c.created_at).label("since"))
            .where(table.c.subject != "")
            .group_by(table.c.tenant, table.c.subject)
            for table in tables
        )
    ).subquery()
    query = select(kept.c.tenant, kept.c.subject, func.min(kept.c.since).label("since"))
    if after is not None:
        same = and_(kept.c.tenant == after.tenant, kept.c.subject > after.subject)
        query = query.where(or_(kept.c.tenant > after.tenant, same))
    query = query.group_by(kept.c.tenant, kept.c.subject).order_by(kept.c.tenant, kept.c.subject).limit(_PAGE)
    rows = await connection.execute(query)
    return [Held(row.tenant, row.subject, moment_of(row.since)) for row in rows]


async def _some(connection: AsyncConnection, scope: Scope) -> int:
    these = select(MEMORIES.c.id).where(within(MEMORIES, [scope])).limit(_AT_ONCE).scalar_subquery()
    return await erase(connection, scope, [MEMORIES.c.id.in_(these)])


async def _forget_owner(connection: AsyncConnection, scope: Scope) -> int:
    """Of what they added for their whole tenant, under a key: it stays, and nobody asked for it."""
    gone = 0
    for table in (MEMORIES, DOCUMENTS):
        theirs = and_(table.c.tenant == scope.tenant, table.c.owner == f"{scope.tenant}/{scope.subject}")
        gone += (await connection.execute(update(table).where(theirs).values(**_ASKED_BY_NOBODY))).rowcount
    return gone


async def _forget_person(connection: AsyncConnection, scope: Scope) -> int:
    """Out of the lists of people in episodes of others of the tenant."""
    named = MEMORIES.c.people.contains(json.dumps(scope.subject), autoescape=True)
    columns = (MEMORIES.c.subject, MEMORIES.c.id, MEMORIES.c.people)
    rows = (await connection.execute(select(*columns).where(MEMORIES.c.tenant == scope.tenant, named))).all()
    for row in rows:
        others = [person for person in json.loads(row.people) if person != scope.subject]
        this = and_(within(MEMORIES, [Scope(scope.tenant, row.subject)]), MEMORIES.c.id == row.id)
        await connection.execute(update(MEMORIES).where(this).values(people=json.dumps(others)))
    return len(rows)
