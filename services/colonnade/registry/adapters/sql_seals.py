"""Seals in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.registry.adapters import rows
from colonnade.registry.adapters.seal_tables import SEALS
from colonnade.registry.adapters.sealing import seal
from colonnade.registry.adapters.tables import MODELS, VERSIONS
from colonnade.registry.domain import Version
from colonnade.registry.seals.ports import Owned, Seal, Sealer
from colonnade.storage.sql import Database, moment_of
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_OF_VERSION = and_(SEALS.c.model == VERSIONS.c.model, SEALS.c.version == VERSIONS.c.number)
_UNSEALED = select(VERSIONS.c.model, VERSIONS.c.number).where(
    ~exists().where(_OF_VERSION).correlate(VERSIONS)
)
_FACTS = (SEALS.c.key, SEALS.c.sealed_at, SEALS.c.sealed_by)


class SqlSealStore:
    """Implements ``seals.ports.SealStore``."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def list_seals(self, model: str, *, limit: int) -> Sequence[tuple[int, Seal | None]]:
        query = (
            select(VERSIONS.c.number, *_FACTS)
            .join(SEALS, _OF_VERSION, isouter=True)
            .where(VERSIONS.c.model == model)
            .order_by(VERSIONS.c.number.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [(row.number, _seal(row, row.number)) for row in await connection.execute(query)]

    async def find(self, model: str, version: int) -> Owned | None:
        async with self._database.reading() as connection:
            this = and_(VERSIONS.c.model == model, VERSIONS.c.number == version)
            found = await rows.versions(connection, this, 1)
            return await _owned(connection, found[0]) if found else None

    async def find_content(self, digest: str) -> Owned | None:
        async with self._database.reading() as connection:
            found = await rows.versions(connection, VERSIONS.c.content == digest, 1, oldest=True)
            return await _owned(connection, found[0]) if found else None

    async def sign(self, model: str, version: int, *, by: str, at: datetime) -> Seal:
        async def work(connection: AsyncConnection) -> Seal:
            this = and_(VERSIONS.c.model == model, VERSIONS.c.number == version)
            found = await rows.versions(connection, this, 1)
            if not found:
                raise NotFound(f"model {model} has no version {version}", field="version")
            return await seal(connection, self._sealer, found[0].manifest, by=by, at=at)

        return await self._database.write(work)

    async def has_unsealed(self) -> bool:
        async with self._database.reading() as connection:
            return (await connection.execute(_UNSEALED.limit(1))).first() is not None

    async def sign_unsealed(self, *, by: str, at: datetime) -> int:
        async with self._database.reading() as connection:
            found = (await connection.execute(_UNSEALED)).all()
        signed = 0
        for row in found:
            try:
                await self.sign(row.model, row.number, by=by, at=at)
                signed += 1
            except (Conflict, InvalidArgument, NotFound) as error:
                _LOG.error("not signed", model=row.model, version=row.number, reason=error.message)
        return signed


async def _owned(connection: AsyncConnection, version: Version) -> Owned:
    found = version.manifest
    tenant = await connection.scalar(select(MODELS.c.tenant).where(MODELS.c.name == found.name))
    this = and_(SEALS.c.model == found.name, SEALS.c.version == found.version)
    row = (await connection.execute(select(*_FACTS, SEALS.c.bundle).where(this))).first()
    kept = _seal(row, found.version, row.bundle) if row else None
    return Owned(found, tenant or "", kept)


def _seal(row: Any, version: int, bundle: str = "") -> Seal | None:
    """None for a version without one."""
    if row.key is None:
        return None
    return Seal(version, row.key, moment_of(row.sealed_at), row.sealed_by, bundle)
