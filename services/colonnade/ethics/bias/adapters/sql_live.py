"""What is counted of the traffic, and the watches over it, in the ethics service's database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.ethics.bias.adapters.tables import ALARMS, LIVE, WATCHES
from colonnade.ethics.bias.domain.drift import Drift
from colonnade.ethics.bias.domain.live import Alarm, Cell, Tally
from colonnade.storage.sql import Database, micros, moment_of


class SqlLive:
    """Implements ``ports.LiveStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, cells: Mapping[Cell, Tally]) -> None:
        async def work(connection: AsyncConnection) -> None:
            for cell, tally in cells.items():
                key = {**asdict(cell), "hour": micros(cell.hour)}
                same = and_(*(LIVE.c[name] == value for name, value in key.items()))
                more = {name: LIVE.c[name] + value for name, value in asdict(tally).items()}
                if not (await connection.execute(update(LIVE).where(same).values(**more))).rowcount:
                    await connection.execute(insert(LIVE).values(**key, **asdict(tally)))

        await self._database.write(work)

    async def cells(self, tenant: str, since: datetime) -> Mapping[Cell, Tally]:
        query = select(LIVE).where(LIVE.c.tenant == tenant, LIVE.c.hour >= micros(since))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.order_by(LIVE.c.hour, LIVE.c.model))).all()
        return {
            Cell(row.tenant, row.model, row.dimension, row.group, moment_of(row.hour)): Tally(
                row.seen, row.refused, row.unkind
            )
            for row in rows
        }

    async def observe(self, tenant: str, model: str, dimension: str, biased: bool, start: Drift) -> Drift:
        mine = _watch(tenant, model, dimension)

        async def work(connection: AsyncConnection) -> Drift:
            row = (await connection.execute(select(WATCHES).where(mine))).first()
            known = None if row is None else _drift(row)
            # Other settings begin a new watch: what was seen counts for the rates that it was weighed by.
            same = known is not None and _rates(known) == _rates(start)
            drift = (known if known is not None and same else start).seen(biased=biased)
            if row is None:
                key = {"tenant": tenant, "model": model, "dimension": dimension}
                await connection.execute(insert(WATCHES).values(**key, **asdict(drift)))
            else:
                await connection.execute(update(WATCHES).where(mine).values(**asdict(drift)))
            return drift

        return await self._database.write(work)

    async def alarm(self, alarm: Alarm) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(ALARMS).values(**{**asdict(alarm), "at": micros(alarm.at)}))

        await self._database.write(work)

    async def alarms(self, tenant: str, limit: int) -> Sequence[Alarm]:
        query = select(ALARMS).where(ALARMS.c.tenant == tenant).order_by(ALARMS.c.at.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [
                Alarm(row.tenant, row.model, row.dimension, moment_of(row.at), row.observed)
                for row in await connection.execute(query)
            ]


def _watch(tenant: str, model: str, dimension: str) -> Any:
    return and_(WATCHES.c.tenant == tenant, WATCHES.c.model == model, WATCHES.c.dimension == dimension)


def _rates(drift: Drift) -> tuple[float, float, float]:
    return drift.clean, drift.excess, drift.patience


def _drift(row: Row[Any]) -> Drift:
    return Drift(row.clean, row.excess, row.patience, row.evidence, row.observed)
