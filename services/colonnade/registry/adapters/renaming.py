"""How a model gets another name, within one transaction: every row that names it follows."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict
from colonnade.registry.adapters.aliases import is_there, latest_version, unknown
from colonnade.registry.adapters.catalogue_tables import WITHDRAWN
from colonnade.registry.adapters.draft_tables import DRAFTS
from colonnade.registry.adapters.leaving import rollouts_under_way
from colonnade.registry.adapters.named import AT_RENAMING, NAMED
from colonnade.registry.adapters.tables import ALIASES, MODELS, TARGETS, VERSIONS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.drafts.draft import State
from colonnade.storage.sql import micros


async def rename(connection: AsyncConnection, old: str, new: str, *, by: str, at: datetime) -> None:
    await _check(connection, old, new)
    last = await latest_version(connection, old)
    model = (await connection.execute(select(MODELS).where(MODELS.c.name == old))).one()
    await connection.execute(insert(MODELS).values(_with(model, name=new, updated_at=micros(at))))
    lifted = [(each, column, await _lift(connection, each, column, old)) for each, column in _children()]
    for table, column in _others():
        await connection.execute(update(table).where(table.c[column] == old).values({column: new}))
    for table, column, rows in reversed(lifted):
        if rows:
            await connection.execute(insert(table), [_with(row, **{column: new}) for row in rows])
    await _keep_numbers(connection, old, new, last, by, at)
    for act in AT_RENAMING:
        await act(connection, old, new)
    await connection.execute(delete(MODELS).where(MODELS.c.name == old))
    await tell(connection, "model.renamed", model=new, by=by, at=at, was=old)


async def _check(connection: AsyncConnection, old: str, new: str) -> None:
    if not await is_there(connection, old):
        raise await unknown(connection, old)
    if await is_there(connection, new):
        raise Conflict(f"there is a model {new} already; choose another name", field="to")
    others = and_(WITHDRAWN.c.model == new, WITHDRAWN.c.became != old)
    if await connection.scalar(select(WITHDRAWN.c.number).where(others).limit(1)) is not None:
        raise Conflict(
            f"{new} was another model's name, and its versions' numbers never mean others; choose another",
            field="to",
        )
    if await connection.scalar(select(DRAFTS.c.number).where(DRAFTS.c.model == new).limit(1)) is not None:
        raise Conflict(f"versions of {new} are in the making; choose another name", field="to")
    importing = and_(DRAFTS.c.model == old, DRAFTS.c.state == State.IMPORTING.value)
    if await connection.scalar(select(DRAFTS.c.number).where(importing).limit(1)) is not None:
        raise Conflict(f"a version of {old} is being imported; wait for its end", field="name")
    for rollout in await rollouts_under_way(connection, old):
        raise Conflict(
            f"the rollout {rollout.id} is under way for {old}; promote it or roll it back first",
            field="name",
            rollout=rollout.id,
        )


def _children() -> list[tuple[Table, str]]:
    """Tables that refer by the name to more than models: their rows are set aside meanwhile."""
    named = [(each.table, each.model) for each in NAMED]
    return [each for each in [(TARGETS, "model"), *named] if _refers(*each)]


def _others() -> list[tuple[Table, str]]:
    named = [(each.table, each.model) for each in NAMED if not _refers(each.table, each.model)]
    return [(VERSIONS, "model"), (ALIASES, "model"), *named]


def _refers(table: Table, column: str) -> bool:
    return any(key.column.table is not MODELS for key in table.c[column].foreign_keys)


async def _lift(connection: AsyncConnection, table: Table, column: str, model: str) -> list[Row[Any]]:
    about = table.c[column] == model
    rows = list((await connection.execute(select(table).where(about))).all())
    await connection.execute(delete(table).where(about))
    return rows


async def _keep_numbers(
    connection: AsyncConnection, old: str, new: str, last: int, by: str, at: datetime
) -> None:
    """Numbers given up go along; those under the old name never mean other versions."""
    await connection.execute(delete(WITHDRAWN).where(WITHDRAWN.c.model == new, WITHDRAWN.c.became == old))
    moved = WITHDRAWN.c.model == old
    await connection.execute(update(WITHDRAWN).where(moved).values(model=new))
    await connection.execute(update(WITHDRAWN).where(WITHDRAWN.c.became == old).values(became=new))
    if last:
        await connection.execute(
            insert(WITHDRAWN).values(
                model=old, number=last, digest="", became=new, by=by, at=micros(at), why="renamed"
            )
        )


def _with(row: Row[Any], **changes: Any) -> dict[str, Any]:
    return {**row._mapping, **changes}
