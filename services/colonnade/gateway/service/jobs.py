"""Training jobs: asked for by few, looked at by more, and what is changed recorded."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.jobs import Alive, Job, JobFilter, JobOrder, JobPage, LogLine, Point, Watched
from colonnade.gateway.ports import Audit, JobBook
from colonnade.gateway.service.following import Following
from colonnade.security.audit import privileged

BEAT_SECONDS = 15.0
"""A queued job may say nothing for hours: no proxy and no client should think that nobody is there."""
_T = TypeVar("_T")


class Jobs:
    def __init__(self, book: JobBook, audit: Audit, following: Following | None = None) -> None:
        self._book, self._audit = book, audit
        self._following = following or Following(beat_seconds=BEAT_SECONDS)

    def close(self) -> None:
        """Streams end: many would go on for hours."""
        self._following.close()

    async def submit(self, caller: Caller, order: JobOrder) -> Job:
        facts = {"kind": order.kind, "priority": order.priority, "request_id": caller.request_id}
        async with privileged(
            self._audit, "job.submit", caller.principal, acknowledge=False, **facts
        ) as learnt:
            job = await self._book.submit(caller, order)
            learnt |= {"job": job.id, "name": job.name}
            return job

    async def get(self, caller: Caller, job_id: str) -> Job:
        """With its recipe and its events."""
        return await self._book.get(caller, job_id)

    async def page(self, caller: Caller, wanted: JobFilter, page_size: int, page_token: str) -> JobPage:
        """Newest first."""
        return await self._book.page(caller, wanted, page_size, page_token)

    async def cancel(self, caller: Caller, job_id: str, why: str) -> Job:
        facts = {"job": job_id, "why": why, "request_id": caller.request_id}
        async with privileged(self._audit, "job.cancel", caller.principal, acknowledge=False, **facts):
            return await self._book.cancel(caller, job_id, why)

    async def resume(self, caller: Caller, job_id: str) -> Job:
        facts = {"job": job_id, "request_id": caller.request_id}
        async with privileged(self._audit, "job.resume", caller.principal, acknowledge=False, **facts):
            return await self._book.resume(caller, job_id)

    async def retry(self, caller: Caller, job_id: str, key: str) -> Job:
        """A new job."""
        facts = {"retry_of": job_id, "request_id": caller.request_id}
        async with privileged(
            self._audit, "job.retry", caller.principal, acknowledge=False, **facts
        ) as learnt:
            job = await self._book.retry(caller, job_id, key)
            learnt["job"] = job.id
            return job

    def points(self, caller: Caller, job_id: str, from_step: int) -> AsyncGenerator[Point, None]:
        """What was measured until now."""
        return self._book.points(caller, job_id, from_step, follow=False)

    def lines(self, caller: Caller, job_id: str, offset: int) -> AsyncGenerator[LogLine, None]:
        """The log until now."""
        return self._book.lines(caller, job_id, offset, follow=False)

    def watch(self, caller: Caller, job_id: str, from_step: int) -> AsyncGenerator[Watched, None]:
        return self._watched(caller, job_id, self._book.points(caller, job_id, from_step, follow=True))

    def follow(self, caller: Caller, job_id: str, offset: int) -> AsyncGenerator[Watched, None]:
        return self._watched(caller, job_id, self._book.lines(caller, job_id, offset, follow=True))

    async def _watched(
        self, caller: Caller, job_id: str, items: AsyncGenerator[Point | LogLine, None]
    ) -> AsyncGenerator[Watched, None]:
        """Alive at once: a stream begins before there is something in it. Refusals come before that."""
        async with aclosing(self._following.follow(self._to_the_end(caller, job_id, items))) as found:
            await self._book.get(caller, job_id)
            yield Alive()
            async for each in found:
                yield Alive() if each is None else each

    async def _to_the_end(
        self, caller: Caller, job_id: str, items: AsyncGenerator[_T, None]
    ) -> AsyncGenerator[_T | Job, None]:
        async with aclosing(items):
            async for each in items:
                yield each
        job = await self._book.get(caller, job_id)
        if job.ended:
            yield job
