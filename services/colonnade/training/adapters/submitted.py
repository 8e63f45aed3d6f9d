"""Workers on a cluster that takes commands, each under a name of its own and once.

The command is the driver of a run: it starts the run's processes on the cluster, and outlives this service.
It says itself that it was started, in the job's folder, which all of the cluster has under the same path;
what is recorded there holds, whatever the cluster remembers.
"""

import asyncio
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol, TypeVar

from colonnade.errors import Unavailable
from colonnade.supervise.replicas import Replicas
from colonnade.training.adapters.job_folder import RULED_OUT, JobFolder, Started, ask_once, record_once
from colonnade.training.adapters.last_words import last_words
from colonnade.training.adapters.worker_command import worker_command
from colonnade.training.domain import Job, Sight, Worker

DRIVER = ("-P", "-m", "colonnade.training.adapters.ray_driver")
_LAUNCHER = ("-P", "-m", "colonnade.training.adapters.launch_worker", "--wait")
_WORKER = ("-P", "-m", "colonnade.learn", "run")
_NEVER_BEGAN = "the cluster could not start it; what it says of {name} tells why"
_T = TypeVar("_T")


class State(Enum):
    """Of what was submitted."""

    UNKNOWN = auto()
    """Never submitted, or forgotten."""
    UNDER_WAY = auto()
    """Also before it begins."""
    OVER = auto()


class Cluster(Protocol):
    """Every method may be called again. All raise ``Unavailable`` where it cannot be done now."""

    @property
    def place(self) -> str: ...

    async def submit(self, name: str, command: str, job: Job) -> None:
        """Nothing where there was one of that name, whatever became of it."""
        ...

    async def state(self, name: str) -> State: ...

    async def end(self, name: str) -> None:
        """By force, and soon; nothing where there is none."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What a run gets of the cluster."""

    workers: Replicas
    cpus: float = 1
    """Of each worker."""
    gpus: float = 0
    """Of each worker."""
    threads: int = 0
    """Of torch, in each; 0: as many as ``cpus``."""
    most_lost: int = 3
    """Groups of workers in a row that got no further."""
    grow_seconds: float = 300
    """How often a group that could be larger is ended for a larger one: each time costs steps and a start."""


class SubmittedRunner:
    """Implements ``ports.Runner``. ``jobs`` and ``work`` as ``ChildProcessRunner`` has them, on the cluster's
    machines too; ``python`` is how they call theirs."""

    def __init__(
        self,
        cluster: Cluster,
        jobs: Path,
        work: Path,
        shape: Shape,
        *,
        python: str = "python",
        driver: Sequence[str] = DRIVER,
        worker: Sequence[str] = (),
    ) -> None:
        self._cluster, self._jobs, self._work, self._shape = cluster, jobs, work, shape
        self._python, self._driver = python, tuple(driver)
        self._worker = tuple(worker) or (python, *_WORKER)

    @property
    def place(self) -> str:
        return self._cluster.place

    async def start(self, job: Job, recipe: str) -> None:
        folder = JobFolder.of(self._jobs, job.id)
        await _asked(folder.prepare, recipe)
        if await _asked(folder.started, job.attempt) is not None:
            return
        for earlier in range(1, job.attempt):
            if await self._cluster.state(_name(job.id, earlier)) is State.UNDER_WAY:
                await self._cluster.end(_name(job.id, earlier))
        await self._cluster.submit(_name(job.id, job.attempt), self._command(folder, job.attempt), job)

    async def look(self, job: Job) -> Worker:
        folder, name = JobFolder.of(self._jobs, job.id), _name(job.id, job.attempt)
        if job.place not in ("", self.place):
            return Worker(Sight.UNSEEN)
        try:
            state = await self._cluster.state(name)
        except Unavailable:
            return Worker(Sight.UNSEEN)
        started = await _asked(folder.started, job.attempt)  # after it: one that is over has its record
        if started is not None and started.pid == RULED_OUT:
            return Worker(Sight.GONE)
        if state is State.UNDER_WAY:
            return Worker(Sight.ALIVE)
        if started is not None:
            return Worker(Sight.GONE, *await _asked(last_words, folder.of_attempt(job.attempt, "out")))
        return (
            Worker(Sight.NEVER)
            if state is State.UNKNOWN
            else Worker(Sight.GONE, words=_NEVER_BEGAN.format(name=name))
        )

    async def stop(self, job: Job, *, insist: bool) -> None:
        folder, name = JobFolder.of(self._jobs, job.id), _name(job.id, job.attempt)
        await _asked(folder.attempts.mkdir, 0o700, True, True)
        record = folder.of_attempt(job.attempt, "json")
        if await _asked(folder.started, job.attempt) is None:
            await _asked(record_once, record, Started(RULED_OUT, "", self.place))
        started = await _asked(folder.started, job.attempt)
        if insist or started is None or started.pid == RULED_OUT:  # or it would wait for its turn in vain
            await self._cluster.end(name)
        else:
            await _asked(ask_once, folder, job.attempt)

    async def close(self) -> None:
        await self._cluster.close()

    def _command(self, folder: JobFolder, attempt: int) -> str:
        record, shape = str(folder.of_attempt(attempt, "json")), self._shape
        return shlex.join(
            (
                self._python, *_LAUNCHER, record, str(folder.lock), self.place,
                self._python, *self._driver, str(folder.root), str(attempt),
                "--work", str(self._work), "--workers", str(shape.workers), "--cpus", f"{shape.cpus:g}",
                "--gpus", f"{shape.gpus:g}", "--most-lost", str(shape.most_lost),
                "--grow-seconds", f"{shape.grow_seconds:g}", "--",
                *worker_command(self._worker, folder, shape.threads or int(shape.cpus)),
            )
        )  # fmt: skip


async def _asked(work: Callable[..., _T], *arguments: object) -> _T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise Unavailable(f"the job's folder cannot be used: {error.strerror}") from error


def _name(job_id: str, attempt: int) -> str:
    return f"{job_id}-{attempt}"
