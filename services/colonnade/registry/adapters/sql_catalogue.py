"""What is said of models and versions, in the registry's database, beside what it is said of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters.aliases import is_there, unknown
from colonnade.registry.adapters.catalogue_tables import CARDS, MODEL_KEYS, MODEL_TAGS, VERSION_TAGS
from colonnade.registry.adapters.leaving import (
    check_unneeded,
    forget_model,
    forget_versions,
    rollouts_under_way,
)
from colonnade.registry.adapters.renaming import rename
from colonnade.registry.adapters.said import add_metrics, model_records, retag, version_records
from colonnade.registry.adapters.sealing import seal_model
from colonnade.registry.adapters.sql_search import MODELS_SCOPE, VERSIONS_SCOPE, searching
from colonnade.registry.adapters.tables import MODELS, TARGETS, VERSIONS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.catalogue.filters import Filter, Value
from colonnade.registry.catalogue.grammar import Order
from colonnade.registry.catalogue.records import ModelChange, ModelRecord, VersionChange, VersionRecord
from colonnade.registry.seals.ports import Sealer
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros


class SqlCatalogueStore:
    """Implements ``catalogue.ports.CatalogueStore``."""

    def __init__(self, database: Database, sealer: Sealer | None = None) -> None:
        """With a ``sealer``, versions of a renamed model are signed in the transaction that renames it."""
        self._database = database
        self._sealer = sealer

    async def find_model(self, name: str) -> ModelRecord:
        async with self._database.reading() as connection:
            return await _model(connection, name)

    async def create_model(
        self, name: str, change: ModelChange, *, by: str, at: datetime, once: Once | None
    ) -> ModelRecord:
        async def work(connection: AsyncConnection) -> ModelRecord:
            if known := await _recalled(connection, once) if once else "":
                return await _model(connection, known)
            if await is_there(connection, name):
                raise Conflict(f"there is a model {name} already", field="name")
            row = {"name": name, "description": change.description or "", "tenant": by.partition("/")[0]}
            now = micros(at)
            await connection.execute(insert(MODELS).values(**row, created_at=now, updated_at=now))
            await retag(connection, MODEL_TAGS, {"model": name}, {}, change.tags)
            if once:
                key = {"owner": once.owner, "key": once.key, "fingerprint": once.fingerprint}
                await connection.execute(insert(MODEL_KEYS).values(**key, model=name, created_at=now))
            await tell(connection, "model.created", model=name, by=by, at=at)
            return await _model(connection, name)

        return await self._database.write(work)

    async def describe_model(self, name: str, change: ModelChange, *, by: str, at: datetime) -> ModelRecord:
        async def work(connection: AsyncConnection) -> ModelRecord:
            before = await _model(connection, name)
            await retag(connection, MODEL_TAGS, {"model": name}, before.tags, change.tags)
            said = {} if change.description is None else {"description": change.description}
            this = MODELS.c.name == name
            await connection.execute(update(MODELS).where(this).values(updated_at=micros(at), **said))
            await tell(connection, "model.described", model=name, by=by, at=at)
            return await _model(connection, name)

        return await self._database.write(work)

    async def find_version(self, name: str, number: int) -> VersionRecord:
        async with self._database.reading() as connection:
            return await _version(connection, name, number)

    async def describe_version(
        self, name: str, number: int, change: VersionChange, *, by: str, at: datetime
    ) -> VersionRecord:
        async def work(connection: AsyncConnection) -> VersionRecord:
            before = await _version(connection, name, number)
            found, key = before.version.manifest.version, {"model": name}
            _check_revision(before, change.expected_revision)
            await retag(connection, VERSION_TAGS, {**key, "version": found}, before.tags, change.tags)
            await add_metrics(connection, (name, found), change.metrics)
            await _keep_card(connection, before, change)
            said = {} if change.description is None else {"description": change.description}
            this = and_(VERSIONS.c.model == name, VERSIONS.c.number == found)
            values = {"revision": before.revision + 1, "updated_at": micros(at), **said}
            await connection.execute(update(VERSIONS).where(this).values(values))
            await tell(
                connection, "version.described", model=name, version=found, by=by, at=at,
                revision=before.revision + 1,
            )  # fmt: skip
            return await _version(connection, name, found)

        return await self._database.write(work)

    async def delete_version(self, name: str, number: int, *, by: str, at: datetime, why: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            record = await _version(connection, name, number)
            await check_unneeded(connection, name, [number])
            await forget_versions(connection, name, [number], by=by, at=at, why=why)
            await tell(
                connection, "version.deleted", model=name, version=number, by=by, at=at, why=why,
                digest=record.version.manifest.digest,
            )  # fmt: skip

        await self._database.write(work)

    async def delete_model(self, name: str, *, by: str, at: datetime, why: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            if not await is_there(connection, name):
                raise await unknown(connection, name)
            await _check_alone(connection, name)
            query = select(VERSIONS.c.number).where(VERSIONS.c.model == name)
            numbers = list(await connection.scalars(query))
            if numbers:
                await check_unneeded(connection, name, numbers)
                await forget_versions(connection, name, numbers, by=by, at=at, why=why)
            await tell(connection, "model.deleted", model=name, by=by, at=at, why=why, versions=len(numbers))
            await forget_model(connection, name)

        await self._database.write(work)

    async def rename_model(self, name: str, to: str, *, by: str, at: datetime) -> ModelRecord:
        async def work(connection: AsyncConnection) -> ModelRecord:
            await rename(connection, name, to, by=by, at=at)
            if self._sealer:
                await seal_model(connection, self._sealer, to, by=by, at=at)
            return await _model(connection, to)

        return await self._database.write(work)

    async def search_models(
        self, asked: Filter, order: Sequence[Order], *, after: Sequence[Value], limit: int
    ) -> Sequence[ModelRecord]:
        query = searching(MODELS_SCOPE, asked, order, after, limit, sqlite=self._database.is_sqlite)
        async with self._database.reading() as connection:
            return await model_records(connection, list(await connection.scalars(query)))

    async def search_versions(
        self, asked: Filter, order: Sequence[Order], *, after: Sequence[Value], limit: int
    ) -> Sequence[VersionRecord]:
        query = searching(VERSIONS_SCOPE, asked, order, after, limit, sqlite=self._database.is_sqlite)
        async with self._database.reading() as connection:
            places = [(row.model, row.number) for row in await connection.execute(query)]
            return await version_records(connection, places)


async def _model(connection: AsyncConnection, name: str) -> ModelRecord:
    found = await model_records(connection, [name])
    if not found:
        raise await unknown(connection, name)
    return found[0]


async def _version(connection: AsyncConnection, name: str, number: int) -> VersionRecord:
    """0: the newest."""
    newest = select(MODELS.c.latest).where(MODELS.c.name == name)
    place = (name, number or await connection.scalar(newest) or 0)
    found = await version_records(connection, [place], whole=True)
    if found:
        return found[0]
    if not await is_there(connection, name):
        raise await unknown(connection, name)
    what = f"no version {number}" if number else "no versions"
    raise NotFound(f"model {name} has {what}", field="version")


def _check_revision(record: VersionRecord, expected: int | None) -> None:
    if expected is not None and expected != record.revision:
        raise Conflict(
            f"what is said of the version is at revision {record.revision}, not {expected}; "
            "read it again and retry",
            field="expected_revision",
            revision=record.revision,
        )


async def _keep_card(connection: AsyncConnection, before: VersionRecord, change: VersionChange) -> None:
    said = {
        "card": before.card if change.card is None else change.card,
        "signature": before.signature if change.signature is None else change.signature,
    }
    if said == {"card": before.card, "signature": before.signature}:
        return
    manifest = before.version.manifest
    this = and_(CARDS.c.model == manifest.name, CARDS.c.version == manifest.version)
    if await connection.scalar(select(CARDS.c.version).where(this)) is not None:
        await connection.execute(update(CARDS).where(this).values(said))
    else:
        await connection.execute(insert(CARDS).values(model=manifest.name, version=manifest.version, **said))


async def _check_alone(connection: AsyncConnection, model: str) -> None:
    """``Conflict`` while an alias or a rollout is there, whatever it means."""
    alias = await connection.scalar(select(func.min(TARGETS.c.alias)).where(TARGETS.c.model == model))
    if alias is not None:
        raise Conflict(f"{model} has the alias {alias}; delete it first", field="name", alias=alias)
    for rollout in await rollouts_under_way(connection, model):
        raise Conflict(
            f"the rollout {rollout.id} is under way for {model}; roll it back first",
            field="name",
            rollout=rollout.id,
        )


async def _recalled(connection: AsyncConnection, once: Once) -> str:
    mine = and_(MODEL_KEYS.c.owner == once.owner, MODEL_KEYS.c.key == once.key)
    row = (await connection.execute(select(MODEL_KEYS).where(mine))).first()
    if row is None:
        return ""
    once.check(row.fingerprint)
    return str(row.model)
