"""Both clients' ``jobs``."""

import builtins
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from colonnade.client import job_calls as calls
from colonnade.client.coming_back import COME_BACK, Outage
from colonnade.client.job_calls import Place
from colonnade.client.results import Job, LogLine, Point
from colonnade.client.streams import AsyncStream, Stream

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade

_Item = TypeVar("_Item")
POLL_SECONDS = 1.0


class SyncJobs:
    """Training jobs: recipes on their way to models."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def submit(
        self,
        recipe: str,
        *,
        kind: str | None = None,
        priority: int | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Queues a run of a recipe, given as YAML text. With a key that was used before: the job it made."""
        return self._client._call(calls.submit(recipe, kind, priority, idempotency_key))

    def get(self, job_id: str) -> Job:
        """With its recipe and its events."""
        return self._client._call(calls.get(job_id))

    def list(
        self,
        *,
        states: Sequence[str] = (),
        kind: str | None = None,
        name: str | None = None,
        by: str | None = None,
        tenant: str | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Newest first; all of them, or the first ``limit``."""
        listing = calls.Listing(states, kind, name, by, tenant, limit)
        while call := listing.next_call():
            listing.take(self._client._call(call))
        return listing.jobs

    def cancel(self, job_id: str, *, why: str | None = None) -> Job:
        """Its worker writes a checkpoint before it ends; ``resume`` goes on from there."""
        return self._client._call(calls.cancel(job_id, why))

    def resume(self, job_id: str) -> Job:
        """Queues one that failed or was cancelled again: it goes on from its last checkpoint."""
        return self._client._call(calls.resume(job_id))

    def retry(self, job_id: str) -> Job:
        """A new job of the same recipe, from its beginning."""
        return self._client._call(calls.retry(job_id))

    def metrics(self, job_id: str, *, from_step: int = 0) -> builtins.list[Point]:
        """What was measured until now."""
        return self._client._call(calls.metrics(job_id, from_step))

    def watch(self, job_id: str, *, from_step: int = 0) -> Iterator[Point]:
        """What was measured, and what will be, until the job ends.

        Comes back by itself, where it was, when the platform was away; what it raises at first is raised."""
        return self._followed(calls.PointPlace(job_id, from_step))

    def logs(self, job_id: str, *, offset: int = 0, follow: bool = False) -> Iterator[LogLine]:
        """The run's log from an offset; with ``follow`` until the job ends, as ``watch`` does."""
        if follow:
            yield from self._followed(calls.LogPlace(job_id, offset))
            return
        while (part := self._client._call(calls.logs(job_id, offset))).lines:
            yield from part.lines
            offset = part.offset

    def wait(
        self, job_id: str, *, every: float = POLL_SECONDS, show: Callable[[Job], None] | None = None
    ) -> Job:
        """The job once it has ended; ``show`` gets it each time it is looked at. Outlasts a platform that is
        away for a while, once it has answered."""
        outage = Outage()
        while True:
            try:
                found = self.get(job_id)
            except COME_BACK as error:
                self._client._sleep(outage.pause(error))
                continue
            outage.over()
            if show is not None:
                show(found)
            if found.ended:
                return found
            self._client._sleep(every)

    def _followed(self, place: Place[_Item]) -> Iterator[_Item]:
        outage = Outage()
        while True:
            try:
                with Stream(self._client, place.call()) as stream:
                    outage.over()
                    for item in stream:
                        if place.take(item):
                            yield item
                return
            except COME_BACK as error:
                self._client._sleep(outage.pause(error))


class AsyncJobs:
    """Training jobs: recipes on their way to models."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def submit(
        self,
        recipe: str,
        *,
        kind: str | None = None,
        priority: int | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Queues a run of a recipe, given as YAML text. With a key that was used before: the job it made."""
        return await self._client._call(calls.submit(recipe, kind, priority, idempotency_key))

    async def get(self, job_id: str) -> Job:
        """With its recipe and its events."""
        return await self._client._call(calls.get(job_id))

    async def list(
        self,
        *,
        states: Sequence[str] = (),
        kind: str | None = None,
        name: str | None = None,
        by: str | None = None,
        tenant: str | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Newest first; all of them, or the first ``limit``."""
        listing = calls.Listing(states, kind, name, by, tenant, limit)
        while call := listing.next_call():
            listing.take(await self._client._call(call))
        return listing.jobs

    async def cancel(self, job_id: str, *, why: str | None = None) -> Job:
        """Its worker writes a checkpoint before it ends; ``resume`` goes on from there."""
        return await self._client._call(calls.cancel(job_id, why))

    async def resume(self, job_id: str) -> Job:
        """Queues one that failed or was cancelled again: it goes on from its last checkpoint."""
        return await self._client._call(calls.resume(job_id))

    async def retry(self, job_id: str) -> Job:
        """A new job of the same recipe, from its beginning."""
        return await self._client._call(calls.retry(job_id))

    async def metrics(self, job_id: str, *, from_step: int = 0) -> builtins.list[Point]:
        """What was measured until now."""
        return await self._client._call(calls.metrics(job_id, from_step))

    def watch(self, job_id: str, *, from_step: int = 0) -> AsyncGenerator[Point]:
        """What was measured, and what will be, until the job ends.

        Comes back by itself, where it was, when the platform was away; what it raises at first is raised.
        Close it (``contextlib.aclosing``) where it is left."""
        return self._followed(calls.PointPlace(job_id, from_step))

    async def logs(self, job_id: str, *, offset: int = 0, follow: bool = False) -> AsyncGenerator[LogLine]:
        """The run's log from an offset; with ``follow`` until the job ends, as ``watch`` does."""
        if follow:
            async with aclosing(self._followed(calls.LogPlace(job_id, offset))) as lines:
                async for line in lines:
                    yield line
            return
        while (part := await self._client._call(calls.logs(job_id, offset))).lines:
            for line in part.lines:
                yield line
            offset = part.offset

    async def wait(
        self, job_id: str, *, every: float = POLL_SECONDS, show: Callable[[Job], None] | None = None
    ) -> Job:
        """The job once it has ended; ``show`` gets it each time it is looked at. Outlasts a platform that is
        away for a while, once it has answered."""
        outage = Outage()
        while True:
            try:
                found = await self.get(job_id)
            except COME_BACK as error:
                await self._client._sleep(outage.pause(error))
                continue
            outage.over()
            if show is not None:
                show(found)
            if found.ended:
                return found
            await self._client._sleep(every)

    async def _followed(self, place: Place[_Item]) -> AsyncGenerator[_Item]:
        outage = Outage()
        while True:
            try:
                async with AsyncStream(self._client, place.call()) as stream:
                    outage.over()
                    async for item in stream:
                        if place.take(item):
                            yield item
                return
            except COME_BACK as error:
                await self._client._sleep(outage.pause(error))
