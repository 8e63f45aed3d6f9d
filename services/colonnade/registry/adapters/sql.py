"""The version store in SQL. Reading is one snapshot, writing one serialisable transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.registry.adapters import rows
from colonnade.registry.adapters.aliases import check_free, keep_alias, moved_alias, new_name
from colonnade.registry.adapters.draft_ends import check_reserved, end_draft
from colonnade.registry.adapters.naming import check_claimed
from colonnade.registry.adapters.registering import (
    add_version,
    check_base,
    ensure_model,
    promote,
    same_content,
)
from colonnade.registry.adapters.sealing import seal
from colonnade.registry.adapters.tables import ALIASES, CONTENTS, IMPORTS, MODELS, TARGETS, VERSIONS
from colonnade.registry.domain import (
    DEFAULT_ALIAS,
    ENCODERS,
    Alias,
    Draft,
    Manifest,
    Model,
    Reference,
    Target,
    Version,
)
from colonnade.registry.seals.ports import Sealer
from colonnade.security.inputs.once import Once
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

    async def find_new_name(self, name: str) -> str:
        async with self._database.reading() as connection:
            return await new_name(connection, name)

    async def list_versions(self, name: str, *, limit: int) -> Sequence[Version]:
        async with self._database.reading() as connection:
            return await rows.versions(connection, VERSIONS.c.model == name, limit)

    async def find_targets(self, reference: Reference) -> Sequence[tuple[Manifest, int]]:
        async with self._database.reading() as connection:
            return await rows.resolved(connection, reference)

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
        self,
        draft: Draft,
        *,
        alias: str,
        once: Once | None = None,
        claim: str = "",
        reserved: int = 0,
        of_known_model: bool = False,
        guarded: bool = False,
    ) -> Version:
        async def work(connection: AsyncConnection) -> Version:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            await check_claimed(connection, claim, {each.digest for each in draft.content.artefacts})
            if reserved:
                await check_reserved(connection, draft, reserved)
            await ensure_model(connection, draft, known=of_known_model)
            await check_base(connection, draft)
            version = await same_content(connection, draft)
            if version is None:  # else it has its seal, and who lost that has to say so
                version = await add_version(connection, draft, reserved)
                if self._sealer:
                    by, at = draft.created_by, draft.created_at
                    await seal(connection, self._sealer, version.manifest, by=by, at=at)
            await promote(connection, draft, version.manifest.version, alias, guarded=guarded)
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
