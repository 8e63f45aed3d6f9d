"""Seals versions within the transactions that make or change them."""

from datetime import datetime

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters import rows
from colonnade.registry.adapters.seal_tables import SEALS
from colonnade.registry.adapters.tables import MODELS, VERSIONS
from colonnade.registry.domain import Manifest
from colonnade.registry.seals.ports import Owned, Seal, Sealer
from colonnade.storage.sql import micros

_ALL = 1_000_000


async def seal(
    connection: AsyncConnection, sealer: Sealer, manifest: Manifest, *, by: str, at: datetime
) -> Seal:
    """Signs a version that this transaction sees, and keeps the seal instead of any that is there."""
    tenant = await connection.scalar(select(MODELS.c.tenant).where(MODELS.c.name == manifest.name))
    bundle = sealer.seal(Owned(manifest, tenant or ""))
    this = and_(SEALS.c.model == manifest.name, SEALS.c.version == manifest.version)
    await connection.execute(delete(SEALS).where(this))
    await connection.execute(
        insert(SEALS).values(
            model=manifest.name,
            version=manifest.version,
            key=sealer.key,
            bundle=bundle,
            sealed_at=micros(at),
            sealed_by=by,
        )
    )
    return Seal(manifest.version, sealer.key, at, by, bundle)


async def seal_model(
    connection: AsyncConnection, sealer: Sealer, model: str, *, by: str, at: datetime
) -> None:
    """Signs every version of a model: after its name or its owner has changed."""
    for version in await rows.versions(connection, VERSIONS.c.model == model, _ALL):
        await seal(connection, sealer, version.manifest, by=by, at=at)
