"""Pages of what a tenant has, by the time it was made."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.files import PageQuery


async def page_of(
    connection: AsyncConnection, table: Table, tenant: str, query: PageQuery, *conditions: Any
) -> Sequence[Row[Any]]:
    """One row more than the limit, if there is one. ``InvalidArgument`` where ``after`` is none of them."""
    place = (table.c.created_at, table.c.id)
    statement: Select[Any] = select(table).where(table.c.tenant == tenant, *conditions)
    if query.after:
        last = await _place(connection, table, tenant, query.after)
        statement = statement.where(tuple_(*place) < last if query.newest_first else tuple_(*place) > last)
    order = [column.desc() if query.newest_first else column.asc() for column in place]
    found = await connection.execute(statement.order_by(*order).limit(query.limit + 1))
    return list(found)


async def _place(connection: AsyncConnection, table: Table, tenant: str, after: str) -> tuple[Any, ...]:
    statement = select(table.c.created_at, table.c.id).where(table.c.tenant == tenant, table.c.id == after)
    found = (await connection.execute(statement)).first()
    if found is None:
        raise nothing_after()
    return tuple(found)


def nothing_after() -> InvalidArgument:
    return InvalidArgument(
        "after must be an id that the list has; use the last_id of the page before", field="after"
    )
