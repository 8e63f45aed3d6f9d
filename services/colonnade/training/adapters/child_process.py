"""Workers as processes of this machine. They outlive the service, which finds them again by their records.

Started with ``subprocess``, which uses vfork: uvloop would fork, and the fork handlers that gRPC installs in
a serving process crash the child.
"""

import asyncio
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from colonnade.errors import Unavailable
from colonnade.supervise.runs import MARK
from colonnade.training.adapters import launch_worker, session
from colonnade.training.adapters.job_folder import RULED_OUT, JobFolder, Started, ask_once, record_once
from colonnade.training.adapters.last_words import last_words
from colonnade.training.adapters.worker_command import COMMAND, SURROUNDINGS, worker_command
from colonnade.training.domain import Job, Sight, Worker

_LAUNCHER = (sys.executable, "-P", "-m", "colonnade.training.adapters.launch_worker")
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",
    "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV",
)  # fmt: skip
_START_SECONDS = 30.0
_POLL_SECONDS = 0.01
_T = TypeVar("_T")


class ChildProcessRunner:
    """Implements ``ports.Runner``. ``jobs`` is the folder of all jobs' folders, ``work`` the one that
    relative paths in recipes begin at."""

    def __init__(
        self,
        jobs: Path,
        work: Path,
        environment: Mapping[str, str],
        *,
        command: Sequence[str] = COMMAND,
        passed_on: Collection[str] = (),
        threads: int = 0,
        machine: str = "",
    ) -> None:
        """``passed_on`` names variables of the environment that workers get beside the usual ones."""
        self._jobs, self._work, self._command, self._threads = jobs, work, tuple(command), threads
        names = (*_PASSED_ON, *passed_on)
        self._environment = {name: environment[name] for name in names if name in environment}
        self._environment |= SURROUNDINGS
        if threads:
            self._environment["OMP_NUM_THREADS"] = str(threads)
        self._machine = machine or platform.node()

    @property
    def place(self) -> str:
        return self._machine

    async def start(self, job: Job, recipe: str) -> None:
        await self._asked(self._start, job.id, job.attempt, recipe)

    async def look(self, job: Job) -> Worker:
        if job.place not in ("", self._machine):  # its folder may be there alone
            return Worker(Sight.UNSEEN)
        return await self._asked(self._look, job.id, job.attempt)

    async def stop(self, job: Job, *, insist: bool) -> None:
        await self._asked(self._stop, job.id, job.attempt, insist)

    async def _asked(self, work: Callable[..., _T], *arguments: object) -> _T:
        try:
            return await asyncio.to_thread(work, *arguments)
        except OSError as error:
            raise Unavailable(f"the job's folder or its worker cannot be used: {error.strerror}") from error

    def _start(self, job_id: str, attempt: int, recipe: str) -> None:
        folder = JobFolder.of(self._jobs, job_id)
        folder.prepare(recipe)
        if folder.started(attempt) is not None:
            return
        for earlier in range(1, attempt):
            before = folder.started(earlier)
            if before is not None and before.pid != RULED_OUT and before.machine == self._machine:
                session.end(before, _mark(job_id, earlier))
        launcher = self._launched(folder, job_id, attempt)
        try:
            _await_record(folder, attempt, launcher)
        finally:
            # It goes on by itself, and is reaped by its number: also by a service that did not start it.
            launcher.returncode = launcher.poll() or 0

    def _launched(self, folder: JobFolder, job_id: str, attempt: int) -> subprocess.Popen[bytes]:
        record = str(folder.of_attempt(attempt, "json"))
        command = worker_command(self._command, folder, self._threads)
        with ExitStack() as stack:
            out = stack.enter_context(folder.of_attempt(attempt, "out").open("ab"))
            err = stack.enter_context(folder.of_attempt(attempt, "err").open("ab"))
            return subprocess.Popen(  # noqa: S603 - the command is ours
                (*_LAUNCHER, record, str(folder.lock), self._machine, *command),
                env=self._environment | {MARK: _mark(job_id, attempt)},
                cwd=self._work,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def _look(self, job_id: str, attempt: int) -> Worker:
        folder = JobFolder.of(self._jobs, job_id)
        started = folder.started(attempt)
        if started is None:
            return Worker(Sight.NEVER)
        if started.pid == RULED_OUT:
            return Worker(Sight.GONE)
        if started.machine != self._machine:
            return Worker(Sight.UNSEEN)
        session.reap(started)
        if session.lives(started):
            return Worker(Sight.ALIVE)
        session.end(started, _mark(job_id, attempt))  # what it started and left behind
        return Worker(Sight.GONE, *last_words(folder.of_attempt(attempt, "out")))

    def _stop(self, job_id: str, attempt: int, insist: bool) -> None:
        folder = JobFolder.of(self._jobs, job_id)
        folder.attempts.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.started(attempt) is None:
            record_once(folder.of_attempt(attempt, "json"), Started(RULED_OUT, "", self._machine))
        started = folder.started(attempt)
        if started is None or started.pid == RULED_OUT:
            return
        if started.machine != self._machine:
            raise Unavailable("the worker runs on another machine; only the service there can end it")
        if insist:
            session.end(started, _mark(job_id, attempt))
        elif ask_once(folder, attempt):  # a second SIGTERM would end it without a checkpoint
            session.ask(started)


def _await_record(folder: JobFolder, attempt: int, launcher: "subprocess.Popen[bytes]") -> None:
    """Until the attempt has its worker, whoever started it. ``Unavailable`` where it gets none."""
    deadline = time.monotonic() + _START_SECONDS
    while (started := folder.started(attempt)) is None:
        if (status := launcher.poll()) is not None and folder.started(attempt) is None:
            raise Unavailable(_refusal(status))
        if time.monotonic() > deadline:  # it will find its place taken, if it ever comes so far
            raise Unavailable("the worker does not start; is the machine overloaded?")
        time.sleep(_POLL_SECONDS)
    if started.pid != launcher.pid:
        with suppress(subprocess.TimeoutExpired):
            launcher.wait(_START_SECONDS)


def _mark(job_id: str, attempt: int) -> str:
    return f"{job_id}/{attempt}"


def _refusal(status: int) -> str:
    if status == launch_worker.TAKEN:
        return "an earlier worker of the job has not ended yet; it will be tried again"
    return f"the worker could not be started (exit status {status}); it will be tried again"
