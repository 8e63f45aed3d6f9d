"""The training service, for its jobs."""

from collections.abc import AsyncGenerator
from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.jobs import Job, JobFilter, JobOrder, JobPage, LogLine, Point


class JobBook(Protocol):
    """Raises what the training service refuses with; ``Unavailable`` where it is away."""

    async def submit(self, caller: Caller, order: JobOrder) -> Job: ...

    async def get(self, caller: Caller, job_id: str) -> Job:
        """With its recipe and its events."""
        ...

    async def page(self, caller: Caller, wanted: JobFilter, page_size: int, page_token: str) -> JobPage: ...

    async def cancel(self, caller: Caller, job_id: str, why: str) -> Job: ...

    async def resume(self, caller: Caller, job_id: str) -> Job: ...

    async def retry(self, caller: Caller, job_id: str, key: str) -> Job: ...

    def points(
        self, caller: Caller, job_id: str, from_step: int, *, follow: bool
    ) -> AsyncGenerator[Point, None]:
        """What was measured; followed, until the job ends."""

    def lines(
        self, caller: Caller, job_id: str, offset: int, *, follow: bool
    ) -> AsyncGenerator[LogLine, None]:
        """The run's log likewise."""
