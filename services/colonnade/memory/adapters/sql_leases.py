"""Leases: of memory services that share a database, the holder of one does what it is for."""

from datetime import datetime

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.lease_table import LEASES
from colonnade.storage.sql import Database, micros


class SqlLeases:
    """Implements ``ports.Leases``."""

    def __init__(self, database: Database, name: str = "upkeep") -> None:
        self._database, self._name = database, name
        self._this = LEASES.c.name == name

    async def lease(self, holder: str, now: datetime, until: datetime) -> bool:
        values = {"holder": holder, "until": micros(until)}

        async def work(connection: AsyncConnection) -> bool:
            row = (await connection.execute(select(LEASES).where(self._this))).first()
            if row is None:
                await connection.execute(insert(LEASES).values(name=self._name, **values))
            elif row.holder not in ("", holder) and row.until > micros(now):
                return False
            else:
                await connection.execute(update(LEASES).where(self._this).values(**values))
            return True

        return await self._database.write(work)

    async def release(self, holder: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            mine = and_(self._this, LEASES.c.holder == holder)
            await connection.execute(update(LEASES).where(mine).values(holder="", until=0))

        await self._database.write(work)
