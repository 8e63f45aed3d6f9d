"""What takes longer than a turn: a task a job, tried again, ever more rarely, while something is away."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from colonnade.errors import Code, ColonnadeError, Internal, backoff
from colonnade.telemetry import get_logger
from colonnade.training.domain import Job
from colonnade.training.ports import LeaseLost

_LOG = get_logger(__name__)
_PASSING = frozenset({
    Code.UNAVAILABLE, Code.OVERLOADED, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNAUTHENTICATED
})  # fmt: skip
_MOST_FAULTS = 8
"""Failures in a row that are nobody's refusal; then it is one."""

Act = Callable[[Job], Awaitable[None]]
Told = Callable[[Job, ColonnadeError], Awaitable[None]]


def passes(error: ColonnadeError) -> bool:
    """Whether the same may go well later."""
    return error.code in _PASSING


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon it is tried again, and how much is done at once."""

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    at_once: int = 4


PACE = Pace()


@dataclass(slots=True)
class _Errand:
    attempt: int
    task: "asyncio.Task[None] | None" = None
    failures: int = 0
    rest_until: float = 0.0


@dataclass(slots=True)
class Errands:
    """One of each job. What an act raises is told: ``waits`` for what passes, ``refused`` for the rest."""

    act: Act
    waits: Told
    refused: Told
    done: Callable[[], None]
    pace: Pace
    _running: dict[str, _Errand] = field(default_factory=dict)

    def see_to(self, job: Job) -> None:
        """Begins it, or begins again, unless it is under way, rests, or others are before it."""
        known = self._running.get(job.id)
        if known is None or known.attempt != job.attempt:
            if known is not None and known.task is not None:
                known.task.cancel()
            known = self._running[job.id] = _Errand(job.attempt)
        busy = sum(each.task is not None for each in self._running.values())
        if known.task is None and busy < self.pace.at_once and _now() >= known.rest_until:
            known.task = asyncio.create_task(self._run(job, known))

    def keep(self, job_ids: Iterable[str]) -> None:
        """Ends those of all other jobs: they are needed no more."""
        for gone in self._running.keys() - set(job_ids):
            errand = self._running.pop(gone)
            if errand.task is not None:
                errand.task.cancel()

    async def stop(self) -> None:
        tasks = [each.task for each in self._running.values() if each.task is not None]
        self.keep(())
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job, errand: _Errand) -> None:
        try:
            await self.act(job)
            errand.failures = 0
        except LeaseLost:
            _LOG.warning("another training service hands out work now", job=job.id)
        except ColonnadeError as error:
            await self._failed(job, errand, error)
        except Exception as fault:
            _LOG.exception("an errand failed", job=job.id)
            reason = (
                fault.strerror if isinstance(fault, OSError) and fault.strerror else "see the service's log"
            )
            await self._failed(job, errand, Internal(f"something went wrong here: {reason}"))
        finally:
            errand.task = None
            self.done()

    async def _failed(self, job: Job, errand: _Errand, error: ColonnadeError) -> None:
        errand.failures += 1
        pause = backoff(errand.failures, first=self.pace.first_seconds, longest=self.pace.longest_seconds)
        errand.rest_until = _now() + pause
        again = passes(error) or (isinstance(error, Internal) and errand.failures < _MOST_FAULTS)
        tell = self.waits if again else self.refused
        with contextlib.suppress(LeaseLost):
            try:
                await tell(job, error)
            except ColonnadeError as unsaid:
                _LOG.warning("a job's errand could not be written down", job=job.id, reason=unsaid.message)


def _now() -> float:
    return asyncio.get_running_loop().time()
