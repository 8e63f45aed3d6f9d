"""The training service's jobs, for tests of the gateway."""

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.jobs import (
    Job,
    JobEvent,
    JobFilter,
    JobOrder,
    JobPage,
    LogLine,
    Point,
    Produced,
)

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)
RECIPE = "name: plays\nsteps: 4\n"
POINTS = (
    Point(1, MOMENT, False, {"loss": 2.5, "mfu": math.nan}),
    Point(2, MOMENT, True, {"loss": math.inf}),
)
LINES = (LogLine('{"event": "began"}', 19), LogLine('{"event": "step", "step": 1}', 48))


def job(state: str = "running") -> Job:
    ended = MOMENT if state in ("succeeded", "failed", "cancelled") else None
    made = Produced("plays", 3, "sha256:" + "a" * 64) if state == "succeeded" else None
    return Job(
        "job_1", "train", "plays", state, "why", 2, 4, 5, {"loss": 2.5, "bad": math.nan}, 1, 0, "",
        "here", "local", "local/local", "sha256:" + "b" * 64, made, MOMENT, MOMENT, MOMENT, None, ended, 7,
    )  # fmt: skip


class FakeJobs:
    """Implements ``ports.JobBook``. ``queue`` is what a stream tells, until None comes: then it succeeded."""

    def __init__(self) -> None:
        self.error: ColonnadeError | None = None
        self.late: ColonnadeError | None = None
        """Comes after what was measured and written."""
        self.state = "running"
        self.asked: list[tuple[Any, ...]] = []
        self.queue: asyncio.Queue[Point | LogLine | ColonnadeError | None] = asyncio.Queue()
        self.streams = 0

    async def submit(self, caller: Caller, order: JobOrder) -> Job:
        self._note("submit", order)
        return job("queued")

    async def get(self, caller: Caller, job_id: str) -> Job:
        self._note("get", job_id)
        return replace(
            job(self.state), recipe=RECIPE, events=(JobEvent(MOMENT, "submitted", "local/local", ""),)
        )

    async def page(self, caller: Caller, wanted: JobFilter, page_size: int, page_token: str) -> JobPage:
        self._note("page", wanted, page_size, page_token)
        return JobPage((job(),), "" if page_token else "next")

    async def cancel(self, caller: Caller, job_id: str, why: str) -> Job:
        self._note("cancel", job_id, why)
        return job("stopping")

    async def resume(self, caller: Caller, job_id: str) -> Job:
        self._note("resume", job_id)
        return job("queued")

    async def retry(self, caller: Caller, job_id: str, key: str) -> Job:
        self._note("retry", job_id, key)
        return replace(job("queued"), id="job_2", retry_of=job_id)

    async def points(
        self, caller: Caller, job_id: str, from_step: int, *, follow: bool
    ) -> AsyncGenerator[Point, None]:
        self._note("points", job_id, from_step, follow)
        async with aclosing(self._told(POINTS, follow)) as told:
            async for each in told:
                assert isinstance(each, Point)
                yield each

    async def lines(
        self, caller: Caller, job_id: str, offset: int, *, follow: bool
    ) -> AsyncGenerator[LogLine, None]:
        self._note("lines", job_id, offset, follow)
        async with aclosing(self._told(LINES, follow)) as told:
            async for each in told:
                assert isinstance(each, LogLine)
                yield each

    async def _told(
        self, kept: tuple[Point | LogLine, ...], follow: bool
    ) -> AsyncGenerator[Point | LogLine, None]:
        self.streams += 1
        try:
            for each in kept:
                yield each
            if self.late is not None:
                raise self.late
            while follow and (told := await self.queue.get()) is not None:
                if isinstance(told, ColonnadeError):
                    raise told
                yield told
            self.state = "succeeded" if follow else self.state
        finally:
            self.streams -= 1

    def _note(self, *what: Any) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
