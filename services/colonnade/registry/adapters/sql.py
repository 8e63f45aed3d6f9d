"""The version store in SQL. Reading is one snapshot, writing one serialisable transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.registry.adapters import rows
from colonnade.registry.adapters.aliases import (
    check_free,
    keep_alias,
    latest_version,
    moved_alias,
    newest_known,
)
from colonnade.registry.adapters.catalogue_tables import CARDS
from colonnade.registry.adapters.draft_ends import check_reserved, end_draft
from colonnade.registry.adapters.lineage import record_version
from colonnade.registry.adapters.naming import check_claimed
from colonnade.registry.adapters.sealing import seal
from colonnade.registry.adapters.tables import (
    ALIASES,
    ARTEFACTS,
    CONTENTS,
    IMPORTS,
    MODELS,
    TARGETS,
    VERSIONS,
)
from colonnade.registry.adapters.telling import tell
from colonnade.registry.domain import (
    DEFAULT_ALIAS,
    ENCODERS,
    Alias,
    Draft,
    Manifest,
    Model,
    Once,
    Reference,
    Target,
    Version,
    alias_for_import,
    check_owner,
    moved,
)
from colonnade.registry.seals.ports import Sealer
from colonnade.storage.sql import Database, micros


class SqlVersionStore:
    """Implements ``ports.VersionStore``."""

    def __init__(self, database: Database, sealer: Sealer | None = None) -> None:
        """With a ``sealer``, each version is signed in the transaction that makes it."""
        self._database = database
        self._sealer = sealer

    async def list_models(self, *, after: str, limit: int) -> Sequence[Model]:
        async with self._database.reading() as connection:
            return await rows.models(connection, MODELS.c.name > after, limit)

    async def find_model(self, name: str) -> Model | None:
        async with self._database.reading() as connection:
            found = await rows.models(connection, MODELS.c.name == name, 1)
        return found[0] if found else None

    async def list_versions(self, name: str, *, limit: int) -> Sequence[Version]:
        async with self._database.reading() as connection:
            return await rows.versions(connection, VERSIONS.c.model == name, limit)

    async def find_targets(self, reference: Reference) -> Sequence[tuple[Manifest, int]]:
        async with self._database.reading() as connection:
            weights = {reference.version: 100}
            if not reference.version:
                targets = await rows.targets(connection, reference.name, reference.alias)
                weights = {target.version: target.weight for target in targets}
            wanted = and_(VERSIONS.c.model == reference.name, VERSIONS.c.number.in_(weights))
            found = await rows.versions(connection, wanted, len(weights))
        return [
            (version.manifest, weights[version.manifest.version])
            for version in sorted(found, key=lambda version: version.manifest.version)
        ]

    async def find_manifest(self, digest: str) -> Manifest | None:
        async with self._database.reading() as connection:
            found = await rows.versions(connection, VERSIONS.c.content == digest, 1, oldest=True)
        return found[0].manifest if found else None

    async def find_promoted(self, size_label: str = "", *, encoders: bool = False) -> str | None:
        of_this = and_(TARGETS.c.model == ALIASES.c.model, TARGETS.c.alias == ALIASES.c.name)
        query = select(ALIASES.c.model).where(ALIASES.c.name == DEFAULT_ALIAS, exists().where(of_this))
        at_version = and_(TARGETS.c.model == VERSIONS.c.model, TARGETS.c.version == VERSIONS.c.number)
        encodes = CONTENTS.c.family.in_(ENCODERS)
        unfit = or_(CONTENTS.c.base != "", ~encodes if encoders else encodes)
        if size_label:
            unfit = or_(unfit, CONTENTS.c.size_label != size_label)
        others = (
            select(TARGETS.c.version)
            .join(VERSIONS, at_version)
            .join(CONTENTS, VERSIONS.c.content == CONTENTS.c.digest)
            .where(of_this, unfit)
            .correlate(ALIASES)
        )
        query = query.where(~others.exists())
        async with self._database.reading() as connection:
            return await connection.scalar(query.order_by(ALIASES.c.moved.desc()).limit(1))

    async def register(
        self, draft: Draft, *, alias: str, once: Once | None = None, claim: str = "", reserved: int = 0
    ) -> Version:
        async def work(connection: AsyncConnection) -> Version:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            await check_claimed(connection, claim, {each.digest for each in draft.content.artefacts})
            if reserved:
                await check_reserved(connection, draft, reserved)
            await _ensure_model(connection, draft)
            version = await _same_content(connection, draft)
            if version is None:  # else it has its seal, and who lost that has to say so
                version = await _add_version(connection, draft, reserved)
                if self._sealer:
                    by, at = draft.created_by, draft.created_at
                    await seal(connection, self._sealer, version.manifest, by=by, at=at)
            await _promote(connection, draft, version.manifest.version, alias)
            if once:
                await _remember(connection, once, version, draft.created_at)
            if reserved:
                await end_draft(connection, draft, reserved, version.manifest.version)
            return version

        return await self._database.write(work)

    async def move_alias(
        self,
        name: str,
        alias: str,
        targets: Sequence[Target],
        *,
        expected_revision: int | None,
        by: str,
        at: datetime,
    ) -> Alias:
        async def work(connection: AsyncConnection) -> Alias:
            await check_free(connection, name, alias)
            return await moved_alias(connection, name, alias, targets, expected_revision, by, at)

        return await self._database.write(work)

    async def delete_alias(self, name: str, alias: str, *, by: str, at: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            current = await rows.alias(connection, name, alias)
            if current is None or not current.exists:
                raise NotFound(f"model {name} has no alias {alias}", field="alias")
            await check_free(connection, name, alias)
            await keep_alias(connection, name, current.deleted(by=by, at=at), is_new=False)

        await self._database.write(work)

    async def recall(self, once: Once) -> Version | None:
        async with self._database.reading() as connection:
            return await _recalled(connection, once)


async def _recalled(connection: AsyncConnection, once: Once) -> Version | None:
    mine = and_(IMPORTS.c.owner == once.owner, IMPORTS.c.key == once.key)
    found = (await connection.execute(select(IMPORTS).where(mine))).first()
    if found is None:
        return None
    once.check(found.fingerprint)
    made = and_(VERSIONS.c.model == found.model, VERSIONS.c.number == found.version)
    return (await rows.versions(connection, made, 1))[0]


async def _remember(connection: AsyncConnection, once: Once, version: Version, at: datetime) -> None:
    await connection.execute(
        insert(IMPORTS).values(
            owner=once.owner,
            key=once.key,
            fingerprint=once.fingerprint,
            model=version.manifest.name,
            version=version.manifest.version,
            created_at=micros(at),
        )
    )


async def _ensure_model(connection: AsyncConnection, draft: Draft) -> None:
    """A new model, or a new description where one is given."""
    owner = await connection.scalar(select(MODELS.c.tenant).where(MODELS.c.name == draft.name))
    if owner is None:
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
    check_owner(draft.name, owner, draft.tenant)
    if draft.description:
        other = and_(MODELS.c.name == draft.name, MODELS.c.description != draft.description)
        done = await connection.execute(update(MODELS).where(other).values(description=draft.description))
        if done.rowcount:
            by, at = draft.created_by, draft.created_at
            await tell(connection, "model.described", model=draft.name, by=by, at=at)


async def _same_content(connection: AsyncConnection, draft: Draft) -> Version | None:
    same = and_(VERSIONS.c.model == draft.name, VERSIONS.c.content == draft.content.digest)
    found = await rows.versions(connection, same, 1)
    return found[0] if found else None


async def _add_version(connection: AsyncConnection, draft: Draft, reserved: int) -> Version:
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


async def _promote(connection: AsyncConnection, draft: Draft, version: int, asked: str) -> None:
    """Moves the alias that an import moves, if any, unless it is at the version already."""
    has_default = await rows.targets(connection, draft.name, DEFAULT_ALIAS)
    name = alias_for_import(asked, {DEFAULT_ALIAS} if has_default else set())
    if not name:
        return
    current = await rows.alias(connection, draft.name, name)
    targets = (Target(version, 100),)
    if current and current.targets == targets:
        return
    await check_free(connection, draft.name, name)
    by, at = draft.created_by, draft.created_at
    after = moved(current, name, targets, {version}, expected_revision=None, by=by, at=at)
    await keep_alias(connection, draft.name, after, is_new=current is None)
