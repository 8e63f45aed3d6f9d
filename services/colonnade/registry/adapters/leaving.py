"""How versions and models leave, within a transaction: nothing that needs them is left behind."""

from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict
from colonnade.registry.adapters.aliases import newest_known
from colonnade.registry.adapters.catalogue_tables import WITHDRAWN
from colonnade.registry.adapters.named import NAMED, PARTS
from colonnade.registry.adapters.rollout_tables import ROLLOUTS
from colonnade.registry.adapters.tables import ALIASES, ARTEFACTS, CONTENTS, MODELS, TARGETS, VERSIONS
from colonnade.registry.rollouts.machine import Rollout
from colonnade.storage.sql import micros

_ROLLOUT = TypeAdapter(Rollout)


async def check_unneeded(connection: AsyncConnection, model: str, numbers: Collection[int]) -> None:
    """``Conflict`` that says what needs one of the versions."""
    await _no_alias(connection, model, numbers)
    for rollout in await rollouts_under_way(connection, model):
        versions = {target.version for target in (*rollout.stable, *rollout.targets)} | {rollout.candidate}
        if needed := versions & set(numbers):
            raise Conflict(
                f"the rollout {rollout.id} needs {model}:{min(needed)}; promote it or roll it back first",
                field="version",
                rollout=rollout.id,
            )
    await _no_adapter(connection, model, numbers)


async def rollouts_under_way(connection: AsyncConnection, model: str) -> Sequence[Rollout]:
    query = select(ROLLOUTS.c.rollout).where(ROLLOUTS.c.model == model, ROLLOUTS.c.under_way == 1)
    return [_ROLLOUT.validate_json(document) for document in await connection.scalars(query)]


async def _no_alias(connection: AsyncConnection, model: str, numbers: Collection[int]) -> None:
    query = select(TARGETS).where(TARGETS.c.model == model, TARGETS.c.version.in_(numbers))
    found = (await connection.execute(query.order_by(TARGETS.c.alias))).first()
    if found is not None:
        raise Conflict(
            f"{model}@{found.alias} means {model}:{found.version}; move or delete the alias first",
            field="version",
            alias=found.alias,
        )


async def _no_adapter(connection: AsyncConnection, model: str, numbers: Collection[int]) -> None:
    """Unless the base is there under another name too."""
    base, other = VERSIONS.alias("base"), VERSIONS.alias("other")
    leaving = and_(base.c.model == model, base.c.number.in_(numbers))
    elsewhere = exists().where(
        other.c.content == base.c.content, ~and_(other.c.model == model, other.c.number.in_(numbers))
    )
    query = (
        select(VERSIONS.c.model, VERSIONS.c.number, base.c.number.label("base"))
        .join(CONTENTS, CONTENTS.c.digest == VERSIONS.c.content)
        .join(base, base.c.content == CONTENTS.c.base)
        .where(leaving, ~elsewhere, ~and_(VERSIONS.c.model == model, VERSIONS.c.number.in_(numbers)))
    )
    found = (await connection.execute(query.limit(1))).first()
    if found is not None:
        raise Conflict(
            f"the adapter {found.model}:{found.number} belongs to {model}:{found.base}; delete it first",
            field="version",
            adapter=f"{found.model}:{found.number}",
        )


async def forget_versions(
    connection: AsyncConnection, model: str, numbers: Sequence[int], *, by: str, at: datetime, why: str
) -> None:
    """Takes versions away; their numbers stay given."""
    for named in NAMED:
        if named.version:
            about = named.table.c[named.version].in_(numbers)
            await connection.execute(delete(named.table).where(named.table.c[named.model] == model, about))
    these = and_(VERSIONS.c.model == model, VERSIONS.c.number.in_(numbers))
    found = (await connection.execute(select(VERSIONS.c.number, VERSIONS.c.content).where(these))).all()
    await connection.execute(
        insert(WITHDRAWN),
        [
            {"model": model, "number": row.number, "digest": row.content, "became": "", "by": by,
             "at": micros(at), "why": why}
            for row in found
        ],
    )  # fmt: skip
    await connection.execute(delete(VERSIONS).where(these))
    await _forget_contents(connection, {row.content for row in found})
    await newest_known(connection, model, at)


async def forget_model(connection: AsyncConnection, model: str) -> None:
    """Takes away a model that has no versions any more."""
    for part, column, table, key in PARTS:
        of_model = select(table.c[key]).where(table.c.model == model)
        await connection.execute(delete(part).where(part.c[column].in_(of_model)))
    for named in NAMED:
        if not named.stays:
            await connection.execute(delete(named.table).where(named.table.c[named.model] == model))
    await connection.execute(delete(ALIASES).where(ALIASES.c.model == model))
    await connection.execute(delete(MODELS).where(MODELS.c.name == model))


async def _forget_contents(connection: AsyncConnection, digests: Collection[str]) -> None:
    """Those that no version has any more: so that their files can be collected."""
    unused: ColumnElement[bool] = and_(
        CONTENTS.c.digest.in_(digests), ~exists().where(VERSIONS.c.content == CONTENTS.c.digest)
    )
    gone = list(await connection.scalars(select(CONTENTS.c.digest).where(unused)))
    await connection.execute(delete(ARTEFACTS).where(ARTEFACTS.c.content.in_(gone)))
    await connection.execute(delete(CONTENTS).where(CONTENTS.c.digest.in_(gone)))
