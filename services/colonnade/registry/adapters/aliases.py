"""How aliases are moved, within a transaction that may do more than that."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters import rows
from colonnade.registry.adapters.catalogue_tables import WITHDRAWN
from colonnade.registry.adapters.draft_tables import DRAFTS
from colonnade.registry.adapters.rollout_tables import ROLLOUTS
from colonnade.registry.adapters.tables import ALIASES, MODELS, TARGETS, VERSIONS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.domain import Alias, Target, moved, unknown_model
from colonnade.storage.sql import micros


async def check_free(connection: AsyncConnection, model: str, alias: str) -> None:
    """``Conflict`` while a rollout decides what the alias means."""
    if found := await rollout_of(connection, model, alias):
        raise Conflict(
            f"the rollout {found} decides what {model}@{alias} means; promote it or roll it back first",
            field="alias",
            rollout=found,
        )


async def rollout_of(connection: AsyncConnection, model: str, alias: str) -> str | None:
    """The one under way."""
    of_alias = and_(ROLLOUTS.c.model == model, ROLLOUTS.c.alias == alias, ROLLOUTS.c.under_way == 1)
    found: str | None = await connection.scalar(select(ROLLOUTS.c.id).where(of_alias))
    return found


async def moved_alias(
    connection: AsyncConnection,
    model: str,
    alias: str,
    targets: Sequence[Target],
    expected_revision: int | None,
    by: str,
    at: datetime,
    *,
    promotes: bool = True,
) -> Alias:
    """See ``domain.moved``. ``NotFound`` for an unknown model. Of the models it is the one promoted last
    then, unless it does not promote: an alias that is new always does."""
    if not await is_there(connection, model):
        raise await unknown(connection, model)
    known = await known_versions(connection, model, [target.version for target in targets])
    current = await rows.alias(connection, model, alias)
    after = moved(current, alias, targets, known, expected_revision=expected_revision, by=by, at=at)
    await keep_alias(connection, model, after, is_new=current is None, promotes=promotes)
    return after


async def promoted_last(connection: AsyncConnection, model: str, alias: str) -> None:
    """Of the models it is the one promoted last now, though its alias means what it meant."""
    this = and_(ALIASES.c.model == model, ALIASES.c.name == alias)
    await connection.execute(update(ALIASES).where(this).values(moved=await _next_move(connection)))


async def keep_alias(
    connection: AsyncConnection, model: str, alias: Alias, *, is_new: bool, promotes: bool = True
) -> None:
    values = {
        "revision": alias.revision,
        "updated_at": micros(alias.updated_at),
        "updated_by": alias.updated_by,
    }
    if is_new or promotes:
        values["moved"] = await _next_move(connection)
    if is_new:
        await connection.execute(insert(ALIASES).values(model=model, name=alias.name, **values))
    else:
        this = and_(ALIASES.c.model == model, ALIASES.c.name == alias.name)
        await connection.execute(update(ALIASES).where(this).values(**values))
        of_this = and_(TARGETS.c.model == model, TARGETS.c.alias == alias.name)
        await connection.execute(delete(TARGETS).where(of_this))
    if alias.targets:
        key = {"model": model, "alias": alias.name}
        await connection.execute(
            insert(TARGETS),
            [{**key, "version": target.version, "weight": target.weight} for target in alias.targets],
        )
    await tell(
        connection, "alias.moved" if alias.exists else "alias.deleted", model=model, alias=alias.name,
        version=alias.targets[0].version if len(alias.targets) == 1 else 0,
        by=alias.updated_by, at=alias.updated_at, revision=alias.revision,
        targets=",".join(f"{target.version}={target.weight}" for target in alias.targets),
    )  # fmt: skip


async def _next_move(connection: AsyncConnection) -> int:
    return (await connection.scalar(select(func.max(ALIASES.c.moved))) or 0) + 1


async def is_there(connection: AsyncConnection, model: str) -> bool:
    """A model may be there without a version."""
    return await connection.scalar(select(MODELS.c.name).where(MODELS.c.name == model)) is not None


async def unknown(connection: AsyncConnection, model: str) -> NotFound:
    return unknown_model(model, await new_name(connection, model))


async def new_name(connection: AsyncConnection, model: str) -> str:
    """What a model of that name was renamed to; empty where none was."""
    renamed = select(WITHDRAWN.c.became).where(WITHDRAWN.c.model == model, WITHDRAWN.c.became != "")
    return await connection.scalar(renamed.order_by(WITHDRAWN.c.number.desc()).limit(1)) or ""


async def latest_version(connection: AsyncConnection, name: str) -> int:
    """The last number that a version or a draft was given, whatever became of it; 0 if none was."""
    numbers = [VERSIONS.c.number, WITHDRAWN.c.number, DRAFTS.c.number]
    given = [
        await connection.scalar(select(func.max(number)).where(number.table.c.model == name))
        for number in numbers
    ]
    return max(number or 0 for number in given)


async def newest_known(connection: AsyncConnection, model: str, at: datetime) -> None:
    """Has the model's row say which version is its newest now."""
    newest = select(func.max(VERSIONS.c.number)).where(VERSIONS.c.model == model).scalar_subquery()
    changed = {"latest": func.coalesce(newest, 0), "updated_at": micros(at)}
    await connection.execute(update(MODELS).where(MODELS.c.name == model).values(changed))


async def known_versions(connection: AsyncConnection, name: str, numbers: Sequence[int]) -> set[int]:
    """Those of ``numbers`` that are versions of the model."""
    among = and_(VERSIONS.c.model == name, VERSIONS.c.number.in_(numbers))
    return set(await connection.scalars(select(VERSIONS.c.number).where(among)))
