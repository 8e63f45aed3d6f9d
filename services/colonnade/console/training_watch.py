"""A job as it is followed: each time it is asked for what is new of it."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from colonnade.client import AsyncColonnade, Job
from colonnade.console.views.curves import Measured
from colonnade.console.views.plots import Plot, plots_of
from colonnade.console.views.run_log import RunLog, Sample

_LINES_AT_ONCE = 5000
"""Of a log; what is longer is read on the next time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """``lines`` are the last of ``read``; ``whole``: whether there are no more of them by now."""

    job: Job
    plots: Sequence[Plot]
    pace: float
    lines: Sequence[str]
    read: int
    whole: bool
    samples: Sequence[Sample]

    @property
    def over(self) -> bool:
        """Nothing will be new."""
        return self.job.ended and self.whole


class Watch:
    """What is told of a job is asked for after the job itself: of one that has ended, all is there."""

    def __init__(self, job_id: str) -> None:
        self._id = job_id
        self._measured = Measured()
        self._log = RunLog()
        self._one = asyncio.Lock()

    async def load(self, client: AsyncColonnade) -> Seen:
        async with self._one:
            job = await client.jobs.get(self._id)
            since = self._measured.from_step(job.step)
            self._measured.add(await client.jobs.metrics(self._id, from_step=since))
            whole = await self._read_on(client)
        return Seen(
            job, plots_of(self._measured), self._measured.pace, tuple(self._log.lines), self._log.read, whole,
            self._log.samples,
        )  # fmt: skip

    async def _read_on(self, client: AsyncColonnade) -> bool:
        before = self._log.read
        async with aclosing(client.jobs.logs(self._id, offset=self._log.offset)) as lines:
            async for line in lines:
                self._log.add(line)
                if self._log.read - before >= _LINES_AT_ONCE:
                    return False
        return True
