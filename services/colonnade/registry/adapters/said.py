"""What is said of models and versions, read on an open connection and written within a transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Executable, Table, and_, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import TooLarge
from colonnade.registry.adapters import rows
from colonnade.registry.adapters.catalogue_tables import (
    CARDS,
    HEAD_CHARACTERS,
    METRICS,
    MODEL_TAGS,
    VERSION_TAGS,
)
from colonnade.registry.adapters.tables import MODELS, TARGETS, VERSIONS
from colonnade.registry.catalogue.records import Metric, ModelRecord, Tagging, VersionRecord
from colonnade.security.inputs.catalogue import MAX_METRICS
from colonnade.storage.sql import micros, moment_of

Place: TypeAlias = tuple[str, int]
"""A model's name and a version's number."""


async def model_records(connection: AsyncConnection, names: Sequence[str]) -> list[ModelRecord]:
    """In the order of ``names``."""
    models = await rows.models(connection, MODELS.c.name.in_(names), len(names))
    times = select(MODELS.c.name, MODELS.c.updated_at).where(MODELS.c.name.in_(names))
    updated = {row.name: row.updated_at for row in await connection.execute(times)}
    tags: defaultdict[str, dict[str, str]] = defaultdict(dict)
    of_these = select(MODEL_TAGS).where(MODEL_TAGS.c.model.in_(names)).order_by(MODEL_TAGS.c.key)
    for row in await connection.execute(of_these):
        tags[row.model][row.key] = row.value
    found = {each.name: ModelRecord(each, tags[each.name], moment_of(updated[each.name])) for each in models}
    return [found[name] for name in names if name in found]


async def version_records(
    connection: AsyncConnection, places: Sequence[Place], *, whole: bool = False
) -> list[VersionRecord]:
    """In the order of ``places``; ``whole`` with card, signature and every metric."""
    if not places:
        return []
    these = tuple_(VERSIONS.c.model, VERSIONS.c.number).in_(places)
    versions = {_place(each.manifest): each for each in await rows.versions(connection, these, len(places))}
    query = select(
        VERSIONS.c.model, VERSIONS.c.number, VERSIONS.c.description, VERSIONS.c.updated_at,
        VERSIONS.c.revision, MODELS.c.tenant,
    ).join(MODELS, MODELS.c.name == VERSIONS.c.model)  # fmt: skip
    said = {(row.model, row.number): row for row in await connection.execute(query.where(these))}
    tags, metrics = await _tags(connection, places), await _metrics(connection, places, last=not whole)
    aliases, cards = await _aliases(connection, places), await _cards(connection, places if whole else [])
    return [
        VersionRecord(
            version=versions[place],
            tenant=said[place].tenant,
            description=said[place].description,
            tags=tags[place],
            metrics=tuple(metrics[place]),
            aliases=tuple(aliases[place]),
            updated_at=moment_of(said[place].updated_at),
            revision=said[place].revision,
            card=cards[place][0],
            signature=cards[place][1],
        )
        for place in places
        if place in said
    ]


async def retag(
    connection: AsyncConnection,
    table: Table,
    key: Mapping[str, Any],
    before: Mapping[str, str],
    change: Tagging,
) -> None:
    """``key`` names the model, or the version, by column."""
    after = change.applied(before)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if not changed:
        return
    this = _at(table, key)
    await connection.execute(delete(table).where(this, table.c.key.in_(changed)))
    added = [
        {**key, "key": name, "value": after[name], "head": after[name][:HEAD_CHARACTERS]}
        for name in sorted(changed & after.keys())
    ]
    if added:
        await connection.execute(insert(table), added)


async def add_metrics(connection: AsyncConnection, place: Place, metrics: Iterable[Metric]) -> None:
    """``TooLarge`` where a version would have too many."""
    key = {"model": place[0], "version": place[1]}
    new = {(each.key, each.step, each.dataset): each for each in metrics}
    if not new:
        return
    this = _at(METRICS, key)
    values = [
        {**key, "key": each.key, "step": each.step, "dataset": each.dataset, "value": float(each.value),
         "at": micros(each.at), "last": 0}
        for each in new.values()
    ]  # fmt: skip
    await connection.execute(_upsert(connection), values)
    count = await connection.scalar(select(func.count()).select_from(METRICS).where(this)) or 0
    if count > MAX_METRICS:
        raise TooLarge(
            f"{place[0]}:{place[1]} would have {count} metrics; {MAX_METRICS} are the most",
            field="add_metrics",
            limit=MAX_METRICS,
        )
    await _mark_last(connection, and_(this, METRICS.c.key.in_({name for name, _, _ in new})))


def _upsert(connection: AsyncConnection) -> Executable:
    of_postgres = connection.dialect.name == "postgresql"
    new = postgresql.insert(METRICS) if of_postgres else sqlite.insert(METRICS)
    changed = {name: new.excluded[name] for name in ("value", "at", "last")}
    return new.on_conflict_do_update(index_elements=METRICS.primary_key.columns, set_=changed)


async def _mark_last(connection: AsyncConnection, these: ColumnElement[bool]) -> None:
    """Of each key the value of the highest step, of several there the latest."""
    newest_first = (METRICS.c.step.desc(), METRICS.c.at.desc(), METRICS.c.dataset.desc())
    place = func.row_number().over(partition_by=METRICS.c.key, order_by=newest_first).label("place")
    ranked = select(METRICS.c.key, METRICS.c.step, METRICS.c.dataset, place).where(these).subquery()
    first = select(ranked.c.key, ranked.c.step, ranked.c.dataset).where(ranked.c.place == 1)
    is_last = tuple_(METRICS.c.key, METRICS.c.step, METRICS.c.dataset).in_(first)
    await connection.execute(update(METRICS).where(these, METRICS.c.last == 1).values(last=0))
    await connection.execute(update(METRICS).where(these, is_last).values(last=1))


async def _tags(connection: AsyncConnection, places: Sequence[Place]) -> defaultdict[Place, dict[str, str]]:
    found: defaultdict[Place, dict[str, str]] = defaultdict(dict)
    query = select(VERSION_TAGS).where(_of(VERSION_TAGS, places)).order_by(VERSION_TAGS.c.key)
    for row in await connection.execute(query):
        found[row.model, row.version][row.key] = row.value
    return found


async def _metrics(
    connection: AsyncConnection, places: Sequence[Place], *, last: bool
) -> defaultdict[Place, list[Metric]]:
    found: defaultdict[Place, list[Metric]] = defaultdict(list)
    query = select(METRICS).where(_of(METRICS, places))
    if last:
        query = query.where(METRICS.c.last == 1)
    for row in await connection.execute(query.order_by(METRICS.c.key, METRICS.c.step, METRICS.c.dataset)):
        metric = Metric(row.key, row.value, row.step, moment_of(row.at), row.dataset)
        found[row.model, row.version].append(metric)
    return found


async def _aliases(connection: AsyncConnection, places: Sequence[Place]) -> defaultdict[Place, list[str]]:
    found: defaultdict[Place, list[str]] = defaultdict(list)
    query = select(TARGETS).where(_of(TARGETS, places)).order_by(TARGETS.c.alias)
    for row in await connection.execute(query):
        found[row.model, row.version].append(row.alias)
    return found


async def _cards(connection: AsyncConnection, places: Sequence[Place]) -> defaultdict[Place, tuple[str, str]]:
    found: defaultdict[Place, tuple[str, str]] = defaultdict(lambda: ("", ""))
    if places:
        for row in await connection.execute(select(CARDS).where(_of(CARDS, places))):
            found[row.model, row.version] = (row.card, row.signature)
    return found


def _of(table: Table, places: Sequence[Place]) -> ColumnElement[bool]:
    return tuple_(table.c.model, table.c.version).in_(places)


def _at(table: Table, key: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in key.items()))


def _place(manifest: Any) -> Place:
    return manifest.name, manifest.version
