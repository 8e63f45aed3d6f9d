"""Adds events to what happened, within the transaction that makes them happen."""

import json
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters.event_tables import EVENTS
from colonnade.registry.adapters.tables import MODELS
from colonnade.storage.sql import micros


async def tell(
    connection: AsyncConnection,
    kind: str,
    *,
    by: str,
    at: datetime,
    model: str = "",
    version: int = 0,
    alias: str = "",
    **facts: str | int | float,
) -> None:
    """Numbers go by the order of commits and have no gaps: transactions that meet here run again."""
    last = await connection.scalar(select(func.max(EVENTS.c.number)))
    tenant = await connection.scalar(select(MODELS.c.tenant).where(MODELS.c.name == model))
    await connection.execute(
        insert(EVENTS).values(
            number=(last or 0) + 1,
            at=micros(at),
            kind=kind,
            tenant=tenant or "",
            model=model,
            version=version,
            alias=alias,
            by=by,
            facts=json.dumps(facts, sort_keys=True),
        )
    )
