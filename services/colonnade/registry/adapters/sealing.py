"""Seals versions within the transactions that make or change them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters import rows
from colonnade.registry.adapters.seal_tables import SEALS
from colonnade.registry.adapters.tables import MODELS, VERSIONS
from colonnade.registry.domain import Manifest
from colonnade.registry.seals.ports import Owned, Seal, Sealer
from colonnade.security.inputs.catalogue import MAX_VERSION
from colonnade.storage.sql import micros

_AT_ONCE = 500


async def seal(
    connection: AsyncConnection, sealer: Sealer, manifest: Manifest, *, by: str, at: datetime
) -> Seal:
    """Signs a version that this transaction sees, and keeps the seal instead of any that is there."""
    (made,) = await _seal(connection, sealer, [manifest], by, at)
    return made


async def seal_model(
    connection: AsyncConnection, sealer: Sealer, model: str, *, by: str, at: datetime
) -> None:
    """Signs every version of a model: after its name or its owner has changed."""
    last = MAX_VERSION
    while last:
        these = and_(VERSIONS.c.model == model, VERSIONS.c.number <= last)
        found = [each.manifest for each in await rows.versions(connection, these, _AT_ONCE)]
        if found:
            await _seal(connection, sealer, found, by, at)
        last = found[-1].version - 1 if found else 0


async def _seal(
    connection: AsyncConnection, sealer: Sealer, manifests: Sequence[Manifest], by: str, at: datetime
) -> Sequence[Seal]:
    """Of one model's versions."""
    model, numbers = manifests[0].name, [each.version for each in manifests]
    tenant = await connection.scalar(select(MODELS.c.tenant).where(MODELS.c.name == model)) or ""
    made = [Seal(each.version, sealer.key, at, by, sealer.seal(Owned(each, tenant))) for each in manifests]
    await connection.execute(delete(SEALS).where(SEALS.c.model == model, SEALS.c.version.in_(numbers)))
    await connection.execute(
        insert(SEALS),
        [
            {"model": model, "version": each.version, "key": each.key, "bundle": each.bundle,
             "sealed_at": micros(at), "sealed_by": by}
            for each in made
        ],
    )  # fmt: skip
    return made
