"""Follows a training job to its end: a bar in a terminal, lines elsewhere; what the run says goes above it.

It looks again and again instead of holding a stream open, so that a platform that restarts, or a laptop that
slept, costs nothing: it goes on behind the last line that it read.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

from colonnade.cli.course import Course, figures, number, time_left
from colonnade.cli.failures import FAILED
from colonnade.cli.terminal import Step, aside, progress, remark
from colonnade.errors import ColonnadeError

if TYPE_CHECKING:
    from colonnade.client import Colonnade, Job, LogLine

LOOK_SECONDS = 1.0
_TENTHS = 10


def watch(client: "Colonnade", job_id: str, *, from_now: bool = False) -> None:
    """Stays until the job has ended; fails unless it succeeded. Whatever ends it before, the job goes on."""
    follower = Follower(client, job_id, from_now=from_now)
    try:
        last = follower.follow()
    except (KeyboardInterrupt, ColonnadeError):
        if follower.answered:
            remark(
                f"{job_id} goes on without this command. Back to it with: colonnade jobs watch {job_id}; "
                f"end it with: colonnade jobs cancel {job_id}"
            )
        raise
    remark(ending(last))
    if not last.succeeded:
        raise typer.Exit(FAILED)


class Follower:
    def __init__(
        self,
        client: "Colonnade",
        job_id: str,
        *,
        from_now: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``from_now``: of a job that was there before; what its run has said is only counted, not shown."""
        self._client, self._job_id, self._sleep = client, job_id, sleep
        self._shows = self.answered = not from_now  # who has just submitted it knows that it is there
        self._course, self._offset = Course(), 0

    def follow(self) -> "Job":
        """What the platform refuses is raised; that it is out of reach only until it has told of the job."""
        from colonnade.client.coming_back import COME_BACK, Outage

        outage, away = Outage(), False
        if self.answered:
            outage.over()
        with progress(_TENTHS) as draw:
            while True:
                try:
                    job = self._client.jobs.get(self._job_id)  # first: what ended it is in the log then
                    self._read(self._client.jobs.logs(self._job_id, offset=self._offset))
                except COME_BACK as error:
                    seconds = outage.pause(error)
                    if not away:
                        remark(f"The platform does not answer, and is asked again: {error.message}")
                    away = True
                    self._sleep(seconds)
                    continue
                outage.over()
                away, self._shows, self.answered = False, True, True
                draw(step_of(job, self._course))
                if job.ended:
                    return job
                self._sleep(LOOK_SECONDS)

    def _read(self, lines: "Iterable[LogLine]") -> None:
        for line in lines:
            found = self._course.read(line.line)
            if found and self._shows:
                (aside if found.dim else remark)(found.text)
            self._offset = line.offset


def step_of(job: "Job", course: Course) -> Step:
    """Where it is; while it learns, with its last figures and the time that is left."""
    if job.state != "running":
        return Step(job.state, job.step, job.total_steps, job.message, last=job.ended)
    if course.stage:
        share = f"{course.done / course.total:.0%}" if course.total > 0 else ""
        return Step(course.stage, course.done, course.total, share)
    step, shown = course.step or job.step, course.figures or figures(job.metrics)
    if not job.total_steps:
        return Step(job.kind, 0, 0, shown)
    told = (f"{step} of {job.total_steps}", shown, time_left(course, job.total_steps))
    return Step("learning", step, job.total_steps, "  ".join(filter(None, told)))


def ending(job: "Job") -> str:
    """How it went, and what to do now."""
    steps = f" at step {job.step} of {job.total_steps}" if job.total_steps else ""
    said = f"{job.id} {job.state}{steps}"
    if job.succeeded:
        losses = [figures({"loss": job.metrics.get("loss")})]
        if (validation := number(job.metrics.get("validation.loss"))) is not None:
            losses.append(f"validation loss {validation:.3f}")
        said += "".join(f", {loss}" for loss in losses if loss)
        if made := job.produced:
            name = f"{made.model}:{made.version}"
            return f"{said}. It made {name}; ask it with: colonnade generate PROMPT --model {name}"
        return f"{said}."
    why = f": {job.message}" if job.message else ""
    resume = f"\nIt goes on from its last checkpoint with: colonnade jobs resume {job.id}" if job.step else ""
    return said + why + resume
