"""Reports in the ethics service's database, with their pieces and who works on them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Row, and_, cast, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.ethics.bias.adapters.tables import PIECES, REPORTS
from colonnade.ethics.bias.domain.figures import Figure
from colonnade.ethics.bias.domain.outcomes import Outcome
from colonnade.ethics.bias.domain.reports import Report, State, Version, by_of
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, by_code_point, micros, moment_of

_Holder: TypeAlias = tuple[str, str, datetime]
_OPEN = REPORTS.c.state.in_([State.QUEUED.value, State.RUNNING.value])


class SqlReports:
    """Implements ``ports.Reports``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, report: Report, once: Once | None) -> Report:
        async def work(connection: AsyncConnection) -> Report:
            if once is not None and (known := await _recalled(connection, once)):
                return known
            key = once or Once("", "", "")
            fixed = {
                "id": report.id,
                "tenant": report.tenant,
                "model": report.model.name,
                "version": report.model.version,
                "digest": report.model.digest,
                "sets": json.dumps(report.sets),
                "created_at": micros(report.created_at),
                "by": report.by,
                "holder": "",
                "until": 0,
                "owner": key.owner,
                "idempotency_key": key.key,
                "fingerprint": key.fingerprint,
            }
            await connection.execute(insert(REPORTS).values(**fixed, **_grown(report)))
            return report

        return await self._database.write(work)

    async def get(self, tenant: str, report_id: str) -> Report:
        query = select(REPORTS).where(REPORTS.c.tenant == tenant, REPORTS.c.id == report_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise NotFound(f"there is no report {report_id}", field="id")
        return _report(row)

    async def page(self, tenant: str, model: str, before: str, limit: int) -> Sequence[Report]:
        query = select(REPORTS).where(REPORTS.c.tenant == tenant)
        if model:
            query = query.where(REPORTS.c.model == model)
        if before:
            query = query.where(REPORTS.c.id < before)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(REPORTS.c.id.desc()).limit(limit))
            return [_report(row) for row in found]

    async def claim(self, holder: str, now: datetime, until: datetime) -> Report | None:
        free = and_(_OPEN, REPORTS.c.until <= micros(now))

        async def work(connection: AsyncConnection) -> Report | None:
            query = select(REPORTS).where(free).order_by(REPORTS.c.id).limit(1)
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            held = {"holder": holder, "until": micros(until), "state": State.RUNNING.value}
            await connection.execute(update(REPORTS).where(REPORTS.c.id == row.id).values(**held))
            return _report(row)

        return await self._database.write(work)

    async def keep(
        self, report: Report, holder: str, until: datetime, piece: str, outcomes: Sequence[Outcome]
    ) -> bool:
        said = json.dumps([asdict(each) for each in outcomes])

        async def work(connection: AsyncConnection) -> bool:
            values = {"until": micros(until), "done": report.done, "total": report.total}
            if not await _held(connection, report.id, holder, values):
                return False
            same = and_(PIECES.c.report == report.id, PIECES.c.piece == piece)
            await connection.execute(delete(PIECES).where(same))
            await connection.execute(insert(PIECES).values(report=report.id, piece=piece, outcomes=said))
            return True

        return await self._database.write(work)

    async def pieces(self, report_id: str) -> Mapping[str, Sequence[Outcome]]:
        query = select(PIECES).where(PIECES.c.report == report_id).order_by(PIECES.c.piece)
        async with self._database.reading() as connection:
            found = await connection.execute(query)
            return {row.piece: [Outcome(**each) for each in json.loads(row.outcomes)] for row in found}

    async def finish(self, report: Report, holder: str) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            values = _grown(report) | {"holder": "", "until": 0}
            if not await _held(connection, report.id, holder, values):
                return False
            await connection.execute(delete(PIECES).where(PIECES.c.report == report.id))
            return True

        return await self._database.write(work)

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        theirs = and_(REPORTS.c.tenant == tenant, REPORTS.c.by == by_of(tenant, subject))
        cleared = {"by": "", "owner": "", "idempotency_key": "", "fingerprint": ""}

        async def work(connection: AsyncConnection) -> Mapping[str, int]:
            unsigned = await connection.execute(update(REPORTS).where(theirs).values(**cleared))
            return {"bias_report_authors": unsigned.rowcount}

        return await self._database.write(work)

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[_Holder]:
        tenant, by = REPORTS.c.tenant, cast(REPORTS.c.by, by_code_point(384))
        later = or_(tenant > after[0], and_(tenant == after[0], by > by_of(*after)))
        query = (
            select(tenant, by, func.min(REPORTS.c.created_at))
            .where(REPORTS.c.by != "", later)
            .group_by(tenant, by)
            .order_by(tenant, by)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            found = await connection.execute(query)
            return [(row[0], row[1].removeprefix(by_of(row[0], "")), moment_of(row[2])) for row in found]


async def _held(connection: AsyncConnection, report_id: str, holder: str, values: Mapping[str, Any]) -> bool:
    mine = and_(REPORTS.c.id == report_id, REPORTS.c.holder == holder, _OPEN)
    return bool((await connection.execute(update(REPORTS).where(mine).values(**values))).rowcount)


async def _recalled(connection: AsyncConnection, once: Once) -> Report | None:
    mine = and_(REPORTS.c.owner == once.owner, REPORTS.c.idempotency_key == once.key)
    row = (await connection.execute(select(REPORTS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _report(row)


def _grown(report: Report) -> dict[str, Any]:
    return {
        "state": report.state.value,
        "done": report.done,
        "total": report.total,
        "figures": json.dumps([asdict(each) for each in report.figures]),
        "why": report.why,
        "ended_at": micros(report.ended_at) if report.ended_at else None,
    }


def _report(row: Row[Any]) -> Report:
    return Report(
        row.id, row.tenant, Version(row.model, row.version, row.digest), tuple(json.loads(row.sets)),
        State(row.state), moment_of(row.created_at), row.by, row.done, row.total,
        tuple(Figure(**each) for each in json.loads(row.figures)), row.why,
        None if row.ended_at is None else moment_of(row.ended_at),
    )  # fmt: skip
