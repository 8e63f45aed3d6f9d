"""What the training service holds of people: whose jobs were whose, and what their runs left behind."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter
from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Unavailable
from colonnade.rpc.erasure_servicer import Affected, Erased, Held
from colonnade.security.audit import AuditLog
from colonnade.storage.sql import Database
from colonnade.storage.sql_erasing import holders, names, renamed, rewrite
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.tables import ERASED_VERSIONS, JOB_EVENTS, JOBS, METADATA
from colonnade.training.domain import Job, emptied

_JOB = TypeAdapter(Job)


class TrainingEraser:
    """Jobs stay, under a pseudonym, without their recipes and what was said of them; their folders go: logs,
    samples, checkpoints."""

    def __init__(self, database: Database, jobs: Path, trail: AuditLog) -> None:
        self._database, self._folder, self._trail = database, jobs, trail

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        """``Unavailable`` while a job of theirs is under way: renamed, nobody would find its folder."""
        by = f"{tenant}/{subject}"
        async with self._database.reading() as connection:
            jobs = await _jobs(connection, _of(by))
        # Folders go first: once the jobs have another name, nobody would find whose they were.
        folders = await asyncio.to_thread(self._remove, [job.id for job in jobs if job.state.ended])

        async def work(connection: AsyncConnection) -> dict[str, int]:
            theirs = await _jobs(connection, _of(by))
            _check_ended(theirs)
            await _note_versions(connection, erasure_id, theirs)
            await _empty(connection, by, theirs)
            return await renamed(connection, METADATA, tenant, subject)

        removed = await self._database.write(work) | {"job_folders": folders}
        await rewrite(self._database, METADATA)
        removed["audit_keys"] = await self._trail.erase(tenant, subject)
        return Erased(removed, await self._affected(erasure_id))

    async def held(self) -> Sequence[Held]:
        async with self._database.reading() as connection:
            found = await holders(connection, (JOB_EVENTS.c.by, JOB_EVENTS.c.at))
        return [Held(*whose, since) for whose, since in found.items()]

    def _remove(self, jobs: Sequence[str]) -> int:
        there = [each for job in jobs if (each := JobFolder.of(self._folder, job).root).exists()]
        for folder in there:
            shutil.rmtree(folder)
        return len(there)

    async def _affected(self, erasure_id: str) -> list[Affected]:
        query = select(ERASED_VERSIONS).where(ERASED_VERSIONS.c.erasure == erasure_id)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(ERASED_VERSIONS.c.job))
            return [Affected(row.model, row.version, _why(row.job)) for row in found]


def _of(by: str) -> Select[str]:
    return select(JOBS.c.job).where(JOBS.c.by == by)


async def _jobs(connection: AsyncConnection, query: Select[str]) -> list[Job]:
    return [_JOB.validate_json(document) for document in await connection.scalars(query)]


def _check_ended(jobs: Sequence[Job]) -> None:
    if going_on := sum(not job.state.ended for job in jobs):
        raise Unavailable(f"{going_on} jobs of theirs are under way; cancel them, or wait for their end")


async def _note_versions(connection: AsyncConnection, erasure_id: str, jobs: Sequence[Job]) -> None:
    """With the new names, or not at all: nobody could tell afterwards which versions were theirs."""
    for job in jobs:
        if job.produced is not None:
            version = {"model": job.produced.model, "version": str(job.produced.number)}
            await connection.execute(
                insert(ERASED_VERSIONS).values(erasure=erasure_id, job=job.id, **version)
            )


async def _empty(connection: AsyncConnection, by: str, theirs: Sequence[Job]) -> None:
    """Takes out their recipes, what was said of their jobs, and what they said of others'."""
    said = select(JOB_EVENTS.c.job).where(JOB_EVENTS.c.by == by)
    others = await _jobs(connection, select(JOBS.c.job).where(JOBS.c.id.in_(said), JOBS.c.by != by))
    for job in theirs:
        await _put(connection, emptied(job), recipe="")
    for job in others:
        if names(job.why, by):
            await _put(connection, replace(job, why=""))
    own = JOB_EVENTS.c.job.in_(select(JOBS.c.id).where(JOBS.c.by == by))
    await connection.execute(update(JOB_EVENTS).where(or_(own, JOB_EVENTS.c.by == by)).values(words=""))
    await _empty_repeated(connection, by)


async def _empty_repeated(connection: AsyncConnection, by: str) -> None:
    """What the service says of them in its own name, as when a worker has ended that they had stopped."""
    keys = JOB_EVENTS.c.job, JOB_EVENTS.c.number
    found = select(*keys, JOB_EVENTS.c.words).where(JOB_EVENTS.c.words.contains(by, autoescape=True))
    for job, number, words in (await connection.execute(found)).all():
        if names(words, by):
            this = keys[0] == job, keys[1] == number
            await connection.execute(update(JOB_EVENTS).where(*this).values(words=""))


async def _put(connection: AsyncConnection, job: Job, **values: str) -> None:
    document = _JOB.dump_json(job).decode()
    await connection.execute(update(JOBS).where(JOBS.c.id == job.id).values(job=document, **values))


def _why(job_id: str) -> str:
    return f"trained by the job {job_id}, which they had asked for"
