"""What upkeep keeps in the registry's database."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict
from colonnade.registry.adapters.naming import claimed_among, named_among
from colonnade.registry.adapters.tables import ARTEFACTS, CONTENTS, VERSIONS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.adapters.upkeep_tables import CLAIMS, LEASES, MARKS, WRITERS
from colonnade.registry.upkeep.ports import REMOVING, LeaseLost, Looked
from colonnade.storage.sql import Database, micros

_FREE = {"removing": "", "removing_since": 0}
_UPKEEP, _COLLECTION = LEASES.c.name == "upkeep", LEASES.c.name == "collection"


class SqlUpkeepBook:
    """Implements ``upkeep.ports.UpkeepBook``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recover(self, registry: str, *, freeing: bool) -> None:
        mine = f"{registry}/"

        async def work(connection: AsyncConnection) -> None:
            await _drop_writers(connection, WRITERS.c.id.startswith(mine, autoescape=True))
            was_removing = MARKS.c.removing.startswith(mine, autoescape=True)
            if freeing:
                await connection.execute(update(MARKS).where(was_removing).values(**_FREE))
            was_holding = and_(_UPKEEP, LEASES.c.holder.startswith(mine, autoescape=True))
            await connection.execute(update(LEASES).where(was_holding).values(holder="", until=0))

        await self._database.write(work)

    async def lease(self, holder: str, now: datetime, until: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            row = (await connection.execute(select(LEASES).where(_UPKEEP))).first()
            values = {"holder": holder, "until": micros(until)}
            if row is None:
                await connection.execute(insert(LEASES).values(name="upkeep", last=0, **values))
            elif row.holder and row.until > micros(now):
                raise Conflict("a collection or a backup is under way already; try again when it has ended")
            else:
                await connection.execute(update(LEASES).where(_UPKEEP).values(**values))

        await self._database.write(work)

    async def renew(self, holder: str, until: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            await _held(connection, holder)
            await connection.execute(update(LEASES).where(_UPKEEP).values(until=micros(until)))

        await self._database.write(work)

    async def release(self, holder: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            mine = and_(_UPKEEP, LEASES.c.holder == holder)
            await connection.execute(update(LEASES).where(mine).values(holder="", until=0))

        await self._database.write(work)

    async def due(self, now: datetime, every: timedelta) -> bool:
        async with self._database.reading() as connection:
            last = await connection.scalar(select(LEASES.c.last).where(_COLLECTION))
        if last is None:
            await self.begun(now)
            return False
        return bool(last <= micros(now - every))

    async def begun(self, now: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            changed = await connection.execute(update(LEASES).where(_COLLECTION).values(last=micros(now)))
            if not changed.rowcount:
                values = {"name": "collection", "holder": "", "until": 0, "last": micros(now)}
                await connection.execute(insert(LEASES).values(**values))

        await self._database.write(work)

    async def drop_contents(self) -> int:
        unnamed = ~exists().where(VERSIONS.c.content == CONTENTS.c.digest)

        async def work(connection: AsyncConnection) -> int:
            found = list(await connection.scalars(select(CONTENTS.c.digest).where(unnamed).limit(500)))
            await connection.execute(delete(ARTEFACTS).where(ARTEFACTS.c.content.in_(found)))
            await connection.execute(delete(CONTENTS).where(CONTENTS.c.digest.in_(found)))
            return len(found)

        dropped = 0
        while number := await self._database.write(work):
            dropped += number
        return dropped

    async def look(self, digests: Sequence[str], now: datetime, cutoff: datetime) -> Looked:
        async def work(connection: AsyncConnection) -> Looked:
            await _drop_writers(connection, WRITERS.c.until <= micros(now))
            free, marks = await _free_and_marked(connection, digests)
            taken = set(digests) - free
            await connection.execute(delete(MARKS).where(MARKS.c.digest.in_(taken), MARKS.c.removing == ""))
            if new := sorted(free - marks.keys()):
                rows = [
                    {"digest": each, "since": micros(now), "removing": "", "removing_since": 0}
                    for each in new
                ]
                await connection.execute(insert(MARKS), rows)
            return _looked(free, marks, cutoff)

        return await self._database.write(work)

    async def peek(self, digests: Sequence[str], now: datetime, cutoff: datetime) -> Looked:
        async with self._database.reading() as connection:
            free, marks = await _free_and_marked(connection, digests)
        return _looked(free, marks, cutoff)

    async def condemn(
        self, holder: str, digests: Sequence[str], now: datetime, cutoff: datetime
    ) -> Sequence[str]:
        async def work(connection: AsyncConnection) -> Sequence[str]:
            await _held(connection, holder, now)
            await _drop_writers(connection, WRITERS.c.until <= micros(now))
            free, marks = await _free_and_marked(connection, digests)
            old = MARKS.c.removing_since <= micros(now - REMOVING)
            nobody = and_(MARKS.c.digest.in_(free & marks.keys()), or_(MARKS.c.removing == "", old))
            ripe = and_(nobody, MARKS.c.since <= micros(cutoff))
            found = sorted(await connection.scalars(select(MARKS.c.digest).where(ripe)))
            condemned = {"removing": holder, "removing_since": micros(now)}
            await connection.execute(update(MARKS).where(MARKS.c.digest.in_(found)).values(**condemned))
            return found

        return await self._database.write(work)

    async def removed(self, holder: str, digests: Collection[str], spared: Collection[str]) -> None:
        mine = MARKS.c.removing == holder

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(MARKS).where(mine, MARKS.c.digest.in_(digests)))
            await connection.execute(update(MARKS).where(mine, MARKS.c.digest.in_(spared)).values(**_FREE))

        await self._database.write(work)

    async def tell(self, kind: str, by: str, at: datetime, **facts: Any) -> None:
        async def work(connection: AsyncConnection) -> None:
            await tell(connection, kind, by=by, at=at, **facts)

        await self._database.write(work)


async def _held(connection: AsyncConnection, holder: str, now: datetime | None = None) -> None:
    row = (await connection.execute(select(LEASES).where(_UPKEEP))).first()
    if row is None or row.holder != holder or (now is not None and row.until <= micros(now)):
        raise LeaseLost("another registry looks after the blobs now; try again when it has ended")


async def _drop_writers(connection: AsyncConnection, which: ColumnElement[bool]) -> None:
    gone = list(await connection.scalars(select(WRITERS.c.id).where(which)))
    if gone:
        await connection.execute(delete(CLAIMS).where(CLAIMS.c.writer.in_(gone)))
        await connection.execute(delete(WRITERS).where(WRITERS.c.id.in_(gone)))


async def _free_and_marked(
    connection: AsyncConnection, digests: Sequence[str]
) -> tuple[set[str], dict[str, int]]:
    """Those that nothing names or claims; and the marked ones, with the moment."""
    taken = await named_among(connection, digests) | await claimed_among(connection, digests)
    query = select(MARKS.c.digest, MARKS.c.since).where(MARKS.c.digest.in_(digests))
    marks = {row.digest: row.since for row in await connection.execute(query)}
    return set(digests) - taken, marks


def _looked(free: set[str], marks: dict[str, int], cutoff: datetime) -> Looked:
    ripe = tuple(sorted(each for each in free & marks.keys() if marks[each] <= micros(cutoff)))
    return Looked(len(free) - len(ripe), ripe)
