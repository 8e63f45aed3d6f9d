"""Adaptations in the ethics service's database, with their pieces and who works on them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import and_, cast, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, NotFound
from colonnade.ethics.adapting.adapters.tables import ADAPTATIONS, GIVERS, PIECES
from colonnade.ethics.adapting.domain.adaptations import Adaptation, State
from colonnade.ethics.adapting.ports import Pieces
from colonnade.ethics.bias.domain.reports import by_of
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, by_code_point, micros, moment_of

_Holder: TypeAlias = tuple[str, str, datetime]
_ADAPTATION = TypeAdapter(Adaptation)
_C = ADAPTATIONS.c
_ERASED = "whoever asked for it was erased"


class SqlAdaptations:
    """Implements ``ports.Adaptations``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, adaptation: Adaptation, once: Once | None) -> Adaptation:
        key = once or Once("", "", "")
        row = {
            "id": adaptation.id,
            "tenant": adaptation.tenant,
            "model": adaptation.plan.model,
            "created_at": micros(adaptation.created_at),
            "by": adaptation.by,
            "holder": "",
            "until": 0,
            "owner": key.owner,
            "idempotency_key": key.key,
            "fingerprint": key.fingerprint,
            **_grown(adaptation),
        }

        async def work(connection: AsyncConnection) -> Adaptation:
            if once is not None and (known := await _recalled(connection, once)):
                return known
            await connection.execute(insert(ADAPTATIONS).values(**row))
            return adaptation

        return await self._database.write(work)

    async def get(self, tenant: str, adaptation_id: str) -> Adaptation:
        async with self._database.reading() as connection:
            return await _found(connection, tenant, adaptation_id)

    async def page(self, tenant: str, model: str, before: str, limit: int) -> Sequence[Adaptation]:
        query = select(_C.adaptation).where(_C.tenant == tenant)
        if model:
            query = query.where(_C.model == model)
        if before:
            query = query.where(_C.id < before)
        async with self._database.reading() as connection:
            found = await connection.scalars(query.order_by(_C.id.desc()).limit(limit))
            return [_ADAPTATION.validate_json(each) for each in found]

    async def claim(self, holder: str, now: datetime, until: datetime) -> Adaptation | None:
        free = and_(_C.open, _C.until <= micros(now))

        async def work(connection: AsyncConnection) -> Adaptation | None:
            # Those that wait have their turn in between: whoever was looked at last comes last.
            query = select(_C.id, _C.adaptation).where(free).order_by(_C.until, _C.id).limit(1)
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            held = {"holder": holder, "until": micros(until)}
            await connection.execute(update(ADAPTATIONS).where(_C.id == row.id).values(**held))
            return _ADAPTATION.validate_json(row.adaptation)

        return await self._database.write(work)

    async def keep(
        self, adaptation: Adaptation, holder: str, until: datetime, pieces: Pieces | None = None
    ) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            if not await _held(connection, adaptation, holder, {"until": micros(until)}):
                return False
            for name, body in (pieces or {}).items():
                same = and_(PIECES.c.adaptation == adaptation.id, PIECES.c.piece == name)
                await connection.execute(delete(PIECES).where(same))
                values = {"adaptation": adaptation.id, "piece": name, "body": json.dumps(body)}
                await connection.execute(insert(PIECES).values(**values))
            return True

        return await self._database.write(work)

    async def finish(self, adaptation: Adaptation, holder: str) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            return await _held(connection, adaptation, holder, {"holder": "", "until": 0})

        return await self._database.write(work)

    async def cancel(self, tenant: str, adaptation_id: str, at: datetime) -> Adaptation:
        async def work(connection: AsyncConnection) -> Adaptation:
            found = await _found(connection, tenant, adaptation_id)
            if found.state is State.CANCELLED:
                return found
            if found.state.ended:
                raise Conflict(f"{adaptation_id} has ended: it is {found.state.value}", field="id")
            ended = found.ended(State.CANCELLED, at)
            values = {**_grown(ended), "holder": "", "until": 0}
            await connection.execute(update(ADAPTATIONS).where(_C.id == adaptation_id).values(**values))
            return ended

        return await self._database.write(work)

    async def pieces(self, adaptation_id: str, after: str = "", limit: int = 0) -> Pieces:
        query = select(PIECES).where(PIECES.c.adaptation == adaptation_id, PIECES.c.piece > after)
        query = query.order_by(PIECES.c.piece)
        async with self._database.reading() as connection:
            found = await connection.execute(query.limit(limit) if limit else query)
            return {row.piece: json.loads(row.body) for row in found}

    async def given_by(self, adaptation: Adaptation, givers: Sequence[str]) -> None:
        rows = [
            {"adaptation": adaptation.id, "tenant": adaptation.tenant, "subject": each} for each in givers
        ]

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(GIVERS).where(GIVERS.c.adaptation == adaptation.id))
            if rows:
                await connection.execute(insert(GIVERS), rows)

        await self._database.write(work)

    async def ungiven(self, adaptation_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(GIVERS).where(GIVERS.c.adaptation == adaptation_id))

        await self._database.write(work)

    async def given(self, tenant: str, subject: str) -> Sequence[str]:
        query = select(GIVERS.c.adaptation).where(GIVERS.c.tenant == tenant, GIVERS.c.subject == subject)
        async with self._database.reading() as connection:
            return list(await connection.scalars(query.order_by(GIVERS.c.adaptation)))

    async def begun_by(self, tenant: str, subject: str) -> Sequence[Adaptation]:
        async with self._database.reading() as connection:
            return await _begun(connection, tenant, subject)

    async def erase(self, tenant: str, subject: str, at: datetime) -> Mapping[str, int]:
        async def work(connection: AsyncConnection) -> Mapping[str, int]:
            pieces = 0
            begun = await _begun(connection, tenant, subject)
            for each in begun:
                gone = await connection.execute(delete(PIECES).where(PIECES.c.adaptation == each.id))
                pieces += gone.rowcount
                left = replace(each, asker=None, plan=replace(each.plan, prompts=()))
                if not each.state.ended:
                    left = left.ended(State.FAILED, at, _ERASED)
                values = {"by": "", "owner": "", "idempotency_key": "", "fingerprint": ""}
                unsigned = update(ADAPTATIONS).where(_C.id == each.id)
                await connection.execute(unsigned.values(**values, **_grown(left), holder="", until=0))
            theirs = and_(GIVERS.c.tenant == tenant, GIVERS.c.subject == subject)
            await connection.execute(delete(GIVERS).where(theirs))
            return {"adaptation_authors": len(begun), "adaptation_pieces": pieces}

        return await self._database.write(work)

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[_Holder]:
        tenant, by = _C.tenant, cast(_C.by, by_code_point(384))
        later = or_(tenant > after[0], and_(tenant == after[0], by > by_of(*after)))
        query = (
            select(tenant, by, func.min(_C.created_at))
            .where(_C.by != "", later)
            .group_by(tenant, by)
            .order_by(tenant, by)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            found = await connection.execute(query)
            return [(row[0], row[1].removeprefix(by_of(row[0], "")), moment_of(row[2])) for row in found]


async def _found(connection: AsyncConnection, tenant: str, adaptation_id: str) -> Adaptation:
    query = select(_C.adaptation).where(_C.tenant == tenant, _C.id == adaptation_id)
    found = await connection.scalar(query)
    if found is None:
        raise NotFound(f"there is no adaptation {adaptation_id}", field="id")
    return _ADAPTATION.validate_json(found)


async def _begun(connection: AsyncConnection, tenant: str, subject: str) -> list[Adaptation]:
    query = select(_C.adaptation).where(_C.tenant == tenant, _C.by == by_of(tenant, subject))
    return [_ADAPTATION.validate_json(each) for each in await connection.scalars(query.order_by(_C.id))]


async def _held(
    connection: AsyncConnection, adaptation: Adaptation, holder: str, values: Mapping[str, Any]
) -> bool:
    mine = and_(_C.id == adaptation.id, _C.holder == holder, _C.open)
    grown = update(ADAPTATIONS).where(mine).values(**values, **_grown(adaptation))
    return bool((await connection.execute(grown)).rowcount)


async def _recalled(connection: AsyncConnection, once: Once) -> Adaptation | None:
    mine = and_(_C.owner == once.owner, _C.idempotency_key == once.key)
    row = (await connection.execute(select(ADAPTATIONS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _ADAPTATION.validate_json(row.adaptation)


def _grown(adaptation: Adaptation) -> dict[str, Any]:
    said = _ADAPTATION.dump_json(adaptation).decode()
    return {"adaptation": said, "open": not adaptation.state.ended}
