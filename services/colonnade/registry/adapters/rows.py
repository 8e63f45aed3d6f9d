"""Rows of the registry's tables as what they mean. Each function reads on an open connection."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters.tables import ALIASES, ARTEFACTS, CONTENTS, MODELS, TARGETS, VERSIONS
from colonnade.registry.domain import Alias, Artefact, Content, Manifest, Model, Reference, Target, Version
from colonnade.storage.sql import moment_of


def _resolving(by_alias: bool) -> Select[Any]:
    """What a reference stands for, in one statement: it is asked for on the way of requests."""
    weight = TARGETS.c.weight if by_alias else literal_column("100").label("weight")
    files = (ARTEFACTS.c.path, ARTEFACTS.c.digest.label("file"), ARTEFACTS.c.size_bytes)
    query = (
        select(VERSIONS.c.model, VERSIONS.c.number, CONTENTS, *files, weight)
        .join(CONTENTS, CONTENTS.c.digest == VERSIONS.c.content)
        .join(ARTEFACTS, ARTEFACTS.c.content == CONTENTS.c.digest)
        .where(VERSIONS.c.model == bindparam("model"))
        .order_by(VERSIONS.c.number, ARTEFACTS.c.path)
    )
    if not by_alias:
        return query.where(VERSIONS.c.number == bindparam("version"))
    target = and_(TARGETS.c.model == VERSIONS.c.model, TARGETS.c.version == VERSIONS.c.number)
    return query.join(TARGETS, target).where(TARGETS.c.alias == bindparam("alias"))


_BY_ALIAS, _BY_VERSION = _resolving(by_alias=True), _resolving(by_alias=False)


async def resolved(connection: AsyncConnection, reference: Reference) -> Sequence[tuple[Manifest, int]]:
    """The versions behind a reference with their weights, by number; none if nothing has that name."""
    query = _BY_VERSION if reference.version else _BY_ALIAS
    asked = {"model": reference.name, "version": reference.version, "alias": reference.alias}
    result = []
    for _, group in groupby(await connection.execute(query, asked), key=attrgetter("number")):
        rows = list(group)
        files = [Artefact(row.path, row.file, row.size_bytes) for row in rows]
        manifest = Manifest(rows[0].model, rows[0].number, rows[0].digest, _content(rows[0], files))
        result.append((manifest, rows[0].weight))
    return result


async def models(connection: AsyncConnection, condition: ColumnElement[bool], limit: int) -> Sequence[Model]:
    """Models by name with what is true of each now."""
    latest = and_(VERSIONS.c.model == MODELS.c.name, VERSIONS.c.number == MODELS.c.latest)
    query = (
        select(MODELS, CONTENTS.c.size_label, CONTENTS.c.family, CONTENTS.c.base)
        .join(VERSIONS, latest, isouter=True)
        .join(CONTENTS, CONTENTS.c.digest == VERSIONS.c.content, isouter=True)
        .where(condition)
        .order_by(MODELS.c.name)
        .limit(limit)
    )
    found = (await connection.execute(query)).all()
    known = await _aliases(connection, ALIASES.c.model.in_([row.name for row in found]))
    return [
        Model(
            name=row.name,
            description=row.description,
            aliases=tuple(alias for alias in known[row.name] if alias.exists),
            latest_version=row.latest,
            created_at=moment_of(row.created_at),
            size_label=row.size_label or "",
            family=row.family or "",
            base=row.base or "",
            tenant=row.tenant,
        )
        for row in found
    ]


async def versions(
    connection: AsyncConnection, condition: ColumnElement[bool], limit: int, *, oldest: bool = False
) -> Sequence[Version]:
    """Versions with their content, newest first; ``oldest`` puts the one registered first in front."""
    order = (
        (VERSIONS.c.created_at, VERSIONS.c.model, VERSIONS.c.number)
        if oldest
        else (VERSIONS.c.model, VERSIONS.c.number.desc())
    )
    query = (
        select(VERSIONS, CONTENTS)
        .join(CONTENTS, CONTENTS.c.digest == VERSIONS.c.content)
        .where(condition)
        .order_by(*order)
        .limit(limit)
    )
    found = (await connection.execute(query)).all()
    artefacts = await _artefacts(connection, {row.content for row in found})
    result = []
    for row in found:
        manifest = Manifest(row.model, row.number, row.content, _content(row, artefacts[row.content]))
        created = moment_of(row.created_at)
        result.append(Version(manifest, created, row.created_by, row.source, row.source_digest))
    return result


async def alias(connection: AsyncConnection, model: str, name: str) -> Alias | None:
    """What is kept of an alias, also of a deleted one."""
    found = await _aliases(connection, and_(ALIASES.c.model == model, ALIASES.c.name == name))
    return next(iter(found[model]), None)


async def targets(connection: AsyncConnection, model: str, name: str) -> tuple[Target, ...]:
    query = select(TARGETS).where(TARGETS.c.model == model, TARGETS.c.alias == name)
    found = await connection.execute(query.order_by(TARGETS.c.version))
    return tuple(Target(row.version, row.weight) for row in found)


def _content(row: Row[Any], files: Sequence[Artefact]) -> Content:
    return Content(row.family, row.parameters, row.size_label, row.context_length, tuple(files), row.base)


async def _aliases(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> defaultdict[str, list[Alias]]:
    """By model, then by name."""
    of_alias = and_(TARGETS.c.model == ALIASES.c.model, TARGETS.c.alias == ALIASES.c.name)
    query = (
        select(ALIASES, TARGETS.c.version, TARGETS.c.weight)
        .join(TARGETS, of_alias, isouter=True)
        .where(condition)
        .order_by(ALIASES.c.model, ALIASES.c.name, TARGETS.c.version)
    )
    found: dict[tuple[str, str], Alias] = {}
    for row in await connection.execute(query):
        key = (row.model, row.name)
        before = found[key].targets if key in found else ()
        here = (Target(row.version, row.weight),) if row.version is not None else ()
        updated = moment_of(row.updated_at)
        found[key] = Alias(row.name, before + here, row.revision, updated, row.updated_by)
    by_model: defaultdict[str, list[Alias]] = defaultdict(list)
    for (model, _), found_alias in found.items():
        by_model[model].append(found_alias)
    return by_model


async def _artefacts(connection: AsyncConnection, contents: Iterable[str]) -> dict[str, list[Artefact]]:
    query = select(ARTEFACTS).where(ARTEFACTS.c.content.in_(contents))
    by_content: defaultdict[str, list[Artefact]] = defaultdict(list)
    for row in await connection.execute(query.order_by(ARTEFACTS.c.content, ARTEFACTS.c.path)):
        by_content[row.content].append(Artefact(row.path, row.digest, row.size_bytes))
    return by_content
