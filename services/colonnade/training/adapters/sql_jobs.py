"""Jobs in the training service's database: a job and what is told of it change in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound, Overloaded
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of
from colonnade.training.adapters.tables import JOB_EVENTS, JOBS, LEASES
from colonnade.training.domain import IMPORT, Event, Job, State
from colonnade.training.ports import Change, Filter, LeaseLost
from colonnade.training.queue import Waiting

_JOB = TypeAdapter(Job)
_DISPATCH = LEASES.c.name == "dispatch"
_RETRY_AFTER_SECONDS = 60


class SqlJobStore:
    """Implements ``ports.JobStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def submit(
        self, job: Job, recipe: str, event: Event, once: Once | None, *, most_queued: int
    ) -> Job:
        async def work(connection: AsyncConnection) -> Job:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            await _check_room(connection, job.tenant, most_queued)
            await connection.execute(insert(JOBS).values(**_first_row(job, recipe, once)))
            await _tell(connection, job.id, event)
            return job

        return await self._database.write(work)

    async def recall(self, once: Once) -> Job | None:
        async with self._database.reading() as connection:
            return await _recalled(connection, once)

    async def find(self, job_id: str) -> Job | None:
        async with self._database.reading() as connection:
            return await _found(connection, job_id)

    async def recipe(self, job_id: str) -> str:
        async with self._database.reading() as connection:
            recipe = await connection.scalar(select(JOBS.c.recipe).where(JOBS.c.id == job_id))
        if recipe is None:
            raise _unknown(job_id)
        return str(recipe)

    async def page(self, wanted: Filter, *, before: str, limit: int) -> Sequence[Job]:
        query = select(JOBS.c.job).where(*_conditions(wanted)).order_by(JOBS.c.id.desc()).limit(limit)
        if before:
            query = query.where(JOBS.c.id < before)
        async with self._database.reading() as connection:
            return [_JOB.validate_json(document) for document in await connection.scalars(query)]

    async def events(self, job_id: str) -> Sequence[Event]:
        query = select(JOB_EVENTS).where(JOB_EVENTS.c.job == job_id).order_by(JOB_EVENTS.c.number)
        async with self._database.reading() as connection:
            found = await connection.execute(query)
            return [Event(moment_of(row.at), row.what, row.by, row.words) for row in found]

    async def change(self, job_id: str, change: Change, *, at: datetime, holder: str = "") -> Job:
        async def work(connection: AsyncConnection) -> Job:
            if holder:
                await _check_held(connection, holder, at)
            before = await _found(connection, job_id)
            if before is None:
                raise _unknown(job_id)
            after, event = change(before)
            if event is not None:
                await _tell(connection, job_id, event)
            if after == before:
                return before
            after = replace(after, revision=before.revision + 1)
            await connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(**_row(after)))
            return after

        return await self._database.write(work)

    async def under_way(self) -> Sequence[Job]:
        return await self._among([state.value for state in State if state.under_way])

    async def publishing(self) -> Sequence[Job]:
        return await self._among([State.PUBLISHING.value])

    async def _among(self, states: Sequence[str]) -> Sequence[Job]:
        query = select(JOBS.c.job).where(JOBS.c.state.in_(states)).order_by(JOBS.c.id)
        async with self._database.reading() as connection:
            return [_JOB.validate_json(document) for document in await connection.scalars(query)]

    async def waiting(self, each: int) -> Sequence[Waiting]:
        order = (JOBS.c.priority.desc(), JOBS.c.id)
        turn = func.row_number().over(partition_by=JOBS.c.tenant, order_by=order).label("turn")
        columns = (JOBS.c.id, JOBS.c.tenant, JOBS.c.priority, turn)
        queued = select(*columns).where(_is(State.QUEUED), JOBS.c.kind != IMPORT).subquery()
        query = select(queued).where(queued.c.turn <= each).order_by(queued.c.tenant, queued.c.turn)
        async with self._database.reading() as connection:
            return [Waiting(row.id, row.tenant, row.priority) for row in await connection.execute(query)]

    async def lease(self, holder: str, now: datetime, until: datetime) -> bool:
        values = {"holder": holder, "until": micros(until)}

        async def work(connection: AsyncConnection) -> bool:
            row = (await connection.execute(select(LEASES).where(_DISPATCH))).first()
            if row is None:
                await connection.execute(insert(LEASES).values(name="dispatch", **values))
            elif row.holder not in ("", holder) and row.until > micros(now):
                return False
            else:
                await connection.execute(update(LEASES).where(_DISPATCH).values(**values))
            return True

        return await self._database.write(work)

    async def release(self, holder: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            mine = and_(_DISPATCH, LEASES.c.holder == holder)
            await connection.execute(update(LEASES).where(mine).values(holder="", until=0))

        await self._database.write(work)


async def _recalled(connection: AsyncConnection, once: Once) -> Job | None:
    mine = and_(JOBS.c.owner == once.owner, JOBS.c.idempotency_key == once.key)
    row = (await connection.execute(select(JOBS.c.job, JOBS.c.fingerprint).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _JOB.validate_json(row.job)


async def _check_room(connection: AsyncConnection, tenant: str, most: int) -> None:
    queued = select(func.count()).select_from(JOBS).where(_is(State.QUEUED), JOBS.c.tenant == tenant)
    if (await connection.scalar(queued) or 0) >= most:
        raise Overloaded(
            f"{tenant} has {most} jobs in the queue already (COLONNADE_TRAINING_MAX_QUEUED); wait until some "
            "have begun, or cancel some",
            limit=most,
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )


async def _check_held(connection: AsyncConnection, holder: str, at: datetime) -> None:
    row = (await connection.execute(select(LEASES).where(_DISPATCH))).first()
    if row is None or row.holder != holder or row.until <= micros(at):
        raise LeaseLost("another training service hands out work now")


async def _found(connection: AsyncConnection, job_id: str) -> Job | None:
    document = await connection.scalar(select(JOBS.c.job).where(JOBS.c.id == job_id))
    return None if document is None else _JOB.validate_json(document)


async def _tell(connection: AsyncConnection, job_id: str, event: Event) -> None:
    last = await connection.scalar(select(func.max(JOB_EVENTS.c.number)).where(JOB_EVENTS.c.job == job_id))
    values = {"at": micros(event.at), "what": event.what, "by": event.by, "words": event.words}
    await connection.execute(insert(JOB_EVENTS).values(job=job_id, number=(last or 0) + 1, **values))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    columns = {"tenant": JOBS.c.tenant, "kind": JOBS.c.kind, "name": JOBS.c.name, "by": JOBS.c.by}
    found = [column == getattr(wanted, name) for name, column in columns.items() if getattr(wanted, name)]
    if wanted.states:
        found.append(JOBS.c.state.in_(sorted(state.value for state in wanted.states)))
    return found


def _is(state: State) -> ColumnElement[bool]:
    return JOBS.c.state == state.value


def _unknown(job_id: str) -> NotFound:
    return NotFound(f"there is no job {job_id}", field="id")


def _row(job: Job) -> dict[str, Any]:
    """What changes."""
    return {"state": job.state.value, "job": _JOB.dump_json(job).decode()}


def _first_row(job: Job, recipe: str, once: Once | None) -> dict[str, Any]:
    return _row(job) | {
        "id": job.id,
        "tenant": job.tenant,
        "by": job.by,
        "kind": job.asked.kind,
        "name": job.asked.name,
        "priority": job.asked.priority,
        "recipe": recipe,
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }
