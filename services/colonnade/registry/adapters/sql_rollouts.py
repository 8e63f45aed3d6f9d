"""Rollouts in the registry's database, beside the aliases that they move: both change in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.registry.adapters import rows
from colonnade.registry.adapters.aliases import (
    check_free,
    is_there,
    known_versions,
    moved_alias,
    promoted_last,
    unknown,
)
from colonnade.registry.adapters.rollout_tables import ROLLOUT_EVENTS, ROLLOUT_REPORTS, ROLLOUTS
from colonnade.registry.adapters.sql_evaluations import add_evaluation
from colonnade.registry.adapters.telling import tell
from colonnade.registry.domain import Target
from colonnade.registry.rollouts.findings import found_by_gates
from colonnade.registry.rollouts.machine import Rollout, State
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.ports import Change, Event, LeaseLost, Record
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

_ROLLOUT, _OBSERVED = TypeAdapter(Rollout), TypeAdapter(Observed)
_MOST_INSTANCES = 1000
_Make = Callable[[Sequence[Target]], tuple[Record, Event]]


class SqlRolloutStore:
    """Implements ``rollouts.ports.RolloutStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, model: str, alias: str, make: _Make, once: Once | None) -> Record:
        async def work(connection: AsyncConnection) -> Record:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            if not await is_there(connection, model):
                raise await unknown(connection, model)
            await check_free(connection, model, alias)
            targets = await rows.targets(connection, model, alias)
            record, event = make(targets)
            if not await known_versions(connection, model, [record.rollout.candidate]):
                raise NotFound(f"model {model} has no version {record.rollout.candidate}", field="version")
            await connection.execute(insert(ROLLOUTS).values(**_first_row(record, once)))
            await _tell(connection, record.rollout, event)
            await _move(connection, record.rollout, targets, event.by, event.at)
            return record

        return await self._database.write(work)

    async def find(self, rollout_id: str) -> Record | None:
        return await self._one(ROLLOUTS.c.id == rollout_id)

    async def under_way(self, model: str, alias: str) -> Record | None:
        return await self._one(
            and_(ROLLOUTS.c.model == model, ROLLOUTS.c.alias == alias, ROLLOUTS.c.under_way == 1)
        )

    async def page(self, *, model: str, under_way: bool, before: str, limit: int) -> Sequence[Record]:
        query = select(ROLLOUTS).order_by(ROLLOUTS.c.id.desc()).limit(limit)
        if model:
            query = query.where(ROLLOUTS.c.model == model)
        if under_way:
            query = query.where(ROLLOUTS.c.under_way == 1)
        if before:
            query = query.where(ROLLOUTS.c.id < before)
        async with self._database.reading() as connection:
            return [_record(row) for row in await connection.execute(query)]

    async def change(
        self, rollout_id: str, change: Change, *, by: str, at: datetime, holder: str = ""
    ) -> Record:
        async def work(connection: AsyncConnection) -> Record:
            before = await _held(connection, rollout_id, holder)
            rollout, event = change(before)
            if event is not None:
                await _tell(connection, rollout, event)
            if rollout == before.rollout:
                return before
            after = Record(
                rollout, before.policy, before.created_at, before.created_by, at, before.revision + 1
            )
            statement = update(ROLLOUTS).where(ROLLOUTS.c.id == rollout_id)
            await connection.execute(statement.values(**_row(after)))
            for evaluation in found_by_gates(before.rollout, rollout, at):
                await add_evaluation(connection, evaluation)
            targets = await rows.targets(connection, rollout.model, rollout.alias)
            await _move(connection, rollout, targets, by, at)
            return after

        return await self._database.write(work)

    async def claim(self, holder: str, now: datetime, until: datetime) -> Record | None:
        free = and_(ROLLOUTS.c.under_way == 1, ROLLOUTS.c.lease_until <= micros(now))
        oldest = select(ROLLOUTS).where(free).order_by(ROLLOUTS.c.id).limit(1)
        async with self._database.reading() as connection:
            if (await connection.execute(oldest)).first() is None:
                return None  # without a write, every second

        async def work(connection: AsyncConnection) -> Record | None:
            row = (await connection.execute(oldest)).first()
            if row is None:
                return None
            lease = {"lease_holder": holder, "lease_until": micros(until)}
            await connection.execute(update(ROLLOUTS).where(ROLLOUTS.c.id == row.id).values(**lease))
            return _record(row)

        return await self._database.write(work)

    async def renew(self, rollout_id: str, holder: str, until: datetime) -> Record:
        async def work(connection: AsyncConnection) -> Record:
            record = await _held(connection, rollout_id, holder)
            statement = update(ROLLOUTS).where(ROLLOUTS.c.id == rollout_id)
            await connection.execute(statement.values(lease_until=micros(until)))
            return record

        return await self._database.write(work)

    async def release(self, rollout_id: str, holder: str) -> None:
        await self._release(and_(ROLLOUTS.c.id == rollout_id, ROLLOUTS.c.lease_holder == holder))

    async def release_all(self, holder: str) -> None:
        await self._release(and_(ROLLOUTS.c.under_way == 1, ROLLOUTS.c.lease_holder == holder))

    async def report(
        self, rollout_id: str, phase: str, instance: str, candidate: Observed, stable: Observed
    ) -> None:
        key = {"rollout": rollout_id, "phase": phase, "instance": instance}
        this = and_(*(ROLLOUT_REPORTS.c[name] == value for name, value in key.items()))
        values = {
            "requests": candidate.requests + stable.requests,
            "candidate": _OBSERVED.dump_json(candidate).decode(),
            "stable": _OBSERVED.dump_json(stable).decode(),
        }

        async def work(connection: AsyncConnection) -> None:
            known = await connection.scalar(select(ROLLOUT_REPORTS.c.requests).where(this))
            if known is not None:
                if known < values["requests"]:
                    await connection.execute(update(ROLLOUT_REPORTS).where(this).values(**values))
                return
            of_phase = and_(ROLLOUT_REPORTS.c.rollout == rollout_id, ROLLOUT_REPORTS.c.phase == phase)
            there = select(ROLLOUTS.c.id).where(ROLLOUTS.c.id == rollout_id, ROLLOUTS.c.under_way == 1)
            count = await connection.scalar(select(func.count()).select_from(ROLLOUT_REPORTS).where(of_phase))
            if (count or 0) < _MOST_INSTANCES and await connection.scalar(there) is not None:
                await connection.execute(insert(ROLLOUT_REPORTS).values(**key, **values))

        await self._database.write(work)

    async def observed(self, rollout_id: str, phase: str) -> tuple[Observed, Observed]:
        of_phase = and_(ROLLOUT_REPORTS.c.rollout == rollout_id, ROLLOUT_REPORTS.c.phase == phase)
        query = select(ROLLOUT_REPORTS.c.candidate, ROLLOUT_REPORTS.c.stable).where(of_phase)
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).all()
        return (
            Observed.total(_OBSERVED.validate_json(row.candidate) for row in found),
            Observed.total(_OBSERVED.validate_json(row.stable) for row in found),
        )

    async def events(self, rollout_id: str) -> Sequence[Event]:
        query = select(ROLLOUT_EVENTS).where(ROLLOUT_EVENTS.c.rollout == rollout_id)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(ROLLOUT_EVENTS.c.number))
            return [Event(moment_of(row.at), row.what, row.by, row.words) for row in found]

    async def _release(self, these: ColumnElement[bool]) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(ROLLOUTS).where(these).values(lease_holder="", lease_until=0))

        await self._database.write(work)

    async def _one(self, condition: Any) -> Record | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(ROLLOUTS).where(condition))).first()
        return None if row is None else _record(row)


async def _recalled(connection: AsyncConnection, once: Once) -> Record | None:
    mine = and_(ROLLOUTS.c.owner == once.owner, ROLLOUTS.c.idempotency_key == once.key)
    row = (await connection.execute(select(ROLLOUTS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _record(row)


async def _held(connection: AsyncConnection, rollout_id: str, holder: str) -> Record:
    row = (await connection.execute(select(ROLLOUTS).where(ROLLOUTS.c.id == rollout_id))).first()
    if row is None:
        raise NotFound(f"there is no rollout {rollout_id}", field="rollout")
    if holder and row.lease_holder != holder:
        raise LeaseLost(f"another registry drives {rollout_id}")
    return _record(row)


async def _move(
    connection: AsyncConnection, rollout: Rollout, before: Sequence[Target], by: str, at: datetime
) -> None:
    """The alias means what its rollout says; one that never was is left as it is. Only the end of a rollout
    promotes: no share of the candidate's makes its model the one that requests without a model get."""
    promotes = rollout.state is State.PROMOTED
    if rollout.targets and set(rollout.targets) != set(before):
        await moved_alias(
            connection, rollout.model, rollout.alias, rollout.targets, None, by, at, promotes=promotes
        )
    elif promotes:
        await promoted_last(connection, rollout.model, rollout.alias)


async def _tell(connection: AsyncConnection, rollout: Rollout, event: Event) -> None:
    of_this = ROLLOUT_EVENTS.c.rollout == rollout.id
    last = await connection.scalar(select(func.max(ROLLOUT_EVENTS.c.number)).where(of_this))
    await connection.execute(
        insert(ROLLOUT_EVENTS).values(
            rollout=rollout.id,
            number=(last or 0) + 1,
            at=micros(event.at),
            what=event.what,
            by=event.by,
            words=event.words,
        )
    )
    await tell(
        connection, f"rollout.{event.what}", model=rollout.model, version=rollout.candidate,
        alias=rollout.alias, by=event.by, at=event.at, rollout=rollout.id, words=event.words,
    )  # fmt: skip


def _row(record: Record) -> dict[str, Any]:
    """What changes."""
    rollout = record.rollout
    return {
        "state": rollout.state.value,
        "under_way": int(not rollout.state.ended),
        "rollout": _ROLLOUT.dump_json(rollout).decode(),
        "updated_at": micros(record.updated_at),
        "revision": record.revision,
    }


def _first_row(record: Record, once: Once | None) -> dict[str, Any]:
    rollout = record.rollout
    return _row(record) | {
        "id": rollout.id,
        "model": rollout.model,
        "alias": rollout.alias,
        "policy": record.policy,
        "created_at": micros(record.created_at),
        "created_by": record.created_by,
        "lease_holder": "",
        "lease_until": 0,
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }


def _record(row: Row[Any]) -> Record:
    return Record(
        _ROLLOUT.validate_json(row.rollout),
        row.policy,
        moment_of(row.created_at),
        row.created_by,
        moment_of(row.updated_at),
        row.revision,
    )
