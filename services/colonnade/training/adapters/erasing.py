"""What the training service holds of people: whose jobs were whose, and what their runs left behind."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Unavailable
from colonnade.rpc.erasure_servicer import Affected, Erased, Held
from colonnade.security.audit import AuditLog
from colonnade.storage.sql import Database
from colonnade.storage.sql_erasing import holders, renamed, rewrite
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.tables import JOB_EVENTS, JOBS, METADATA
from colonnade.training.domain import Job

_JOB = TypeAdapter(Job)


class TrainingEraser:
    """Jobs stay, under a pseudonym; their folders go: logs, samples, checkpoints."""

    def __init__(self, database: Database, jobs: Path, trail: AuditLog) -> None:
        self._database, self._folder, self._trail = database, jobs, trail

    async def erase(self, tenant: str, subject: str) -> Erased:
        """``Unavailable`` while a job of theirs is under way: renamed, nobody would find its folder."""
        query = select(JOBS.c.job).where(JOBS.c.by == f"{tenant}/{subject}")
        async with self._database.reading() as connection:
            jobs = [_JOB.validate_json(job) for job in await connection.scalars(query)]
        # Folders go first: once the jobs have another name, nobody would find whose they were.
        folders = await asyncio.to_thread(self._remove, [job.id for job in jobs if job.state.ended])
        if going_on := sum(not job.state.ended for job in jobs):
            raise Unavailable(f"{going_on} jobs of theirs are under way; cancel them, or wait for their end")

        async def work(connection: AsyncConnection) -> dict[str, int]:
            return await renamed(connection, METADATA, tenant, subject)

        removed = await self._database.write(work) | {"job_folders": folders}
        await rewrite(self._database, METADATA)
        removed["audit_keys"] = await self._trail.erase(tenant, subject)
        return Erased(removed, [each for job in jobs if (each := _affected(job))])

    async def held(self) -> Sequence[Held]:
        async with self._database.reading() as connection:
            found = await holders(connection, (JOB_EVENTS.c.by, JOB_EVENTS.c.at))
        return [Held(*whose, since) for whose, since in found.items()]

    def _remove(self, jobs: Sequence[str]) -> int:
        there = [each for job in jobs if (each := JobFolder.of(self._folder, job).root).exists()]
        for folder in there:
            shutil.rmtree(folder)
        return len(there)


def _affected(job: Job) -> Affected | None:
    if job.produced is None:
        return None
    why = f"trained by the job {job.id}, which they had asked for"
    return Affected(job.produced.model, str(job.produced.number), why)
