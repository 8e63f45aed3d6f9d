"""What the registration of a version does, step by step, within one transaction."""

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict
from colonnade.registry.adapters import rows
from colonnade.registry.adapters.aliases import (
    check_free,
    keep_alias,
    latest_version,
    newest_known,
    rollout_of,
)
from colonnade.registry.adapters.catalogue_tables import CARDS
from colonnade.registry.adapters.lineage import record_version
from colonnade.registry.adapters.tables import ARTEFACTS, CONTENTS, MODELS, VERSIONS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.domain import (
    DEFAULT_ALIAS,
    Draft,
    Target,
    Version,
    alias_for_import,
    check_kind,
    check_owner,
    guarded_alias,
    moved,
)
from colonnade.storage.sql import micros


async def ensure_model(connection: AsyncConnection, draft: Draft, *, known: bool) -> None:
    """A new model, unless it should be there, or a new description where one is given."""
    found = await rows.models(connection, MODELS.c.name == draft.name, 1)
    if not found and known:
        raise Conflict(
            f"the model {draft.name} was renamed or deleted while this version was made; import it once "
            "more, under the name that you want",
            field="name",
        )
    if not found:
        await connection.execute(
            insert(MODELS).values(
                name=draft.name,
                description=draft.description,
                created_at=micros(draft.created_at),
                updated_at=micros(draft.created_at),
                tenant=draft.tenant,
            )
        )
        await tell(connection, "model.created", model=draft.name, by=draft.created_by, at=draft.created_at)
        return
    check_owner(draft.name, found[0].tenant, draft.tenant)
    check_kind(draft.name, found[0], draft.content.base)
    if draft.description:
        other = and_(MODELS.c.name == draft.name, MODELS.c.description != draft.description)
        done = await connection.execute(update(MODELS).where(other).values(description=draft.description))
        if done.rowcount:
            by, at = draft.created_by, draft.created_at
            await tell(connection, "model.described", model=draft.name, by=by, at=at)


async def check_base(connection: AsyncConnection, draft: Draft) -> None:
    base = draft.content.base
    there = select(VERSIONS.c.number).where(VERSIONS.c.content == base).limit(1)
    if base and await connection.scalar(there) is None:
        raise Conflict("the adapter's base was deleted while the adapter was imported", field="base")


async def same_content(connection: AsyncConnection, draft: Draft) -> Version | None:
    same = and_(VERSIONS.c.model == draft.name, VERSIONS.c.content == draft.content.digest)
    found = await rows.versions(connection, same, 1)
    return found[0] if found else None


async def add_version(connection: AsyncConnection, draft: Draft, reserved: int) -> Version:
    content = draft.content
    if await connection.scalar(select(CONTENTS.c.digest).where(CONTENTS.c.digest == content.digest)) is None:
        await connection.execute(
            insert(CONTENTS).values(
                digest=content.digest,
                family=content.family,
                parameters=content.parameters,
                size_label=content.size_label,
                context_length=content.context_length,
                base=content.base,
            )
        )
        await connection.execute(
            insert(ARTEFACTS),
            [
                {
                    "content": content.digest,
                    "path": artefact.path,
                    "digest": artefact.digest,
                    "size_bytes": artefact.size_bytes,
                }
                for artefact in content.artefacts
            ],
        )
    version = draft.numbered(reserved or await latest_version(connection, draft.name) + 1)
    await connection.execute(
        insert(VERSIONS).values(
            model=draft.name,
            number=version.manifest.version,
            content=content.digest,
            created_at=micros(draft.created_at),
            created_by=draft.created_by,
            source=draft.source,
            source_digest=draft.source_digest,
            updated_at=micros(draft.created_at),
        )
    )
    await newest_known(connection, draft.name, draft.created_at)
    if draft.card:
        card = {"model": draft.name, "version": version.manifest.version, "card": draft.card, "signature": ""}
        await connection.execute(insert(CARDS).values(card))
    await tell(
        connection, "version.registered", model=draft.name, version=version.manifest.version,
        by=draft.created_by, at=draft.created_at, digest=content.digest, family=content.family,
    )  # fmt: skip
    await record_version(connection, version)
    return version


async def promote(
    connection: AsyncConnection, draft: Draft, version: int, asked: str, *, guarded: bool
) -> None:
    """Moves the alias that an import moves, if any, unless it is at the version already. One that nobody
    asked for is left to the rollout that is about to make it."""
    has_default = await rows.targets(connection, draft.name, DEFAULT_ALIAS)
    name = alias_for_import(asked, {DEFAULT_ALIAS} if has_default else set())
    if not name:
        return
    current = await rows.alias(connection, draft.name, name)
    targets = (Target(version, 100),)
    if current and current.targets == targets:
        return
    if not asked and await rollout_of(connection, draft.name, name):
        return
    await check_free(connection, draft.name, name)
    if guarded and current and current.exists:
        raise guarded_alias(draft.name, name)
    by, at = draft.created_by, draft.created_at
    after = moved(current, name, targets, {version}, expected_revision=None, by=by, at=at)
    await keep_alias(connection, draft.name, after, is_new=current is None)
