"""Claims on blobs, in the registry's database."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters.upkeep_tables import CLAIMS, MARKS, WRITERS
from colonnade.registry.upkeep.ports import REMOVING, LeaseLost
from colonnade.storage.sql import Database, micros


class SqlClaimBook:
    """Implements ``upkeep.ports.ClaimBook``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, writer: str, until: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(WRITERS).values(id=writer, until=micros(until)))

        await self._database.write(work)

    async def renew(self, writer: str, until: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            await _there(connection, writer)
            await connection.execute(
                update(WRITERS).where(WRITERS.c.id == writer).values(until=micros(until))
            )

        await self._database.write(work)

    async def claim(self, writer: str, digests: Collection[str], now: datetime) -> Sequence[str]:
        wanted = set(digests)

        async def work(connection: AsyncConnection) -> Sequence[str]:
            await _there(connection, writer)
            marked = (await connection.execute(select(MARKS).where(MARKS.c.digest.in_(wanted)))).all()
            youngest = micros(now - REMOVING)
            going = [row.digest for row in marked if row.removing and row.removing_since > youngest]
            if going:
                return sorted(going)
            await connection.execute(delete(MARKS).where(MARKS.c.digest.in_(wanted)))
            mine = select(CLAIMS.c.digest).where(CLAIMS.c.writer == writer)
            if new := wanted - set(await connection.scalars(mine)):
                rows = [{"writer": writer, "digest": digest} for digest in sorted(new)]
                await connection.execute(insert(CLAIMS), rows)
            return ()

        return await self._database.write(work)

    async def close(self, writer: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(CLAIMS).where(CLAIMS.c.writer == writer))
            await connection.execute(delete(WRITERS).where(WRITERS.c.id == writer))

        await self._database.write(work)


async def _there(connection: AsyncConnection, writer: str) -> None:
    if await connection.scalar(select(WRITERS.c.id).where(WRITERS.c.id == writer)) is None:
        raise LeaseLost("this took so long that its files may have been collected; try again")
