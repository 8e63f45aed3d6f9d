"""The lease under which one memory service of those that share a database works in the background."""

from datetime import datetime

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.lease_table import LEASES
from colonnade.storage.sql import Database, micros

_UPKEEP = LEASES.c.name == "upkeep"


class SqlLeases:
    """Implements ``ports.Leases``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, holder: str, now: datetime, until: datetime) -> bool:
        values = {"holder": holder, "until": micros(until)}

        async def work(connection: AsyncConnection) -> bool:
            row = (await connection.execute(select(LEASES).where(_UPKEEP))).first()
            if row is None:
                await connection.execute(insert(LEASES).values(name="upkeep", **values))
            elif row.holder not in ("", holder) and row.until > micros(now):
                return False
            else:
                await connection.execute(update(LEASES).where(_UPKEEP).values(**values))
            return True

        return await self._database.write(work)

    async def release(self, holder: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            mine = and_(_UPKEEP, LEASES.c.holder == holder)
            await connection.execute(update(LEASES).where(mine).values(holder="", until=0))

        await self._database.write(work)
