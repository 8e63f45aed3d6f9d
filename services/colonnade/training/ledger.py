"""Writes down what happens to jobs, wherever it is decided: the row, its event, the audit record, the count.

Only who hands out work writes here; ``LeaseLost`` where that is another service by now."""

from collections.abc import Callable

from colonnade.errors import ColonnadeError
from colonnade.security.identity import Principal
from colonnade.telemetry import get_logger
from colonnade.training import metrics
from colonnade.training.domain import (
    Ending,
    Event,
    Job,
    ModelVersion,
    State,
    brought,
    called_off,
    concluded,
    fetched,
    not_published,
    noted,
    published,
    sealed,
)
from colonnade.training.ports import AuditTrail, Clock, JobStore, LeaseLost

_LOG = get_logger(__name__)
_BY = "platform/training"
_PRINCIPAL = Principal.service("training")


class Ledger:
    """Also ``publishing.ports.Ledger``."""

    def __init__(
        self, store: JobStore, trail: AuditTrail, *, holder: str, clock: Clock, wake: Callable[[], None]
    ) -> None:
        """``wake`` hears that a state changed."""
        self._store, self._trail = store, trail
        self._holder, self._clock, self._wake = holder, clock, wake

    async def changed(self, job_id: str, change: Callable[[Job], Job], what: str = "") -> Job:
        """With an event where the state changed, and the audit record of that."""
        before: list[Job] = []

        def changed(job: Job) -> tuple[Job, Event | None]:
            before[:] = [job]
            after = change(job)
            if after.state is job.state:
                return after, None
            return after, Event(self._clock(), what or _word(after), _BY, after.why)

        job = await self._store.change(job_id, changed, at=self._clock(), holder=self._holder)
        if job.state is not before[0].state:
            self._told(job)
        return job

    async def brought(self, job: Job, field: str, version: ModelVersion) -> Job:
        """``LeaseLost`` where the attempt is over: whoever brings things for it may end."""
        after = await self.changed(job.id, lambda found: brought(found, job.attempt, field, version))
        if field not in after.brought:
            raise LeaseLost("the job's attempt is over")
        return after

    async def sealed(self, job: Job, version: ModelVersion) -> Job:
        return await self.changed(job.id, lambda found: sealed(found, job.attempt, version))

    async def published(self, job: Job, words: str) -> None:
        await self.changed(job.id, lambda found: published(found, job.attempt, words, self._clock()))

    async def waits(self, job: Job, why: ColonnadeError) -> None:
        words = f"it waits: {why.message}"
        await self.changed(job.id, lambda found: noted(found, job.attempt, words))

    async def not_published(self, job: Job, why: ColonnadeError) -> None:
        await self.changed(
            job.id, lambda found: not_published(found, job.attempt, why.message, self._clock())
        )

    async def fetched(self, job: Job, fraction: float, words: str) -> None:
        await self.changed(job.id, lambda found: fetched(found, job.attempt, fraction, words, self._clock()))

    async def called_off(self, job: Job, words: str) -> None:
        await self.changed(job.id, lambda found: called_off(found, job.attempt, words, self._clock()))

    async def not_called_off(self, job: Job, why: ColonnadeError) -> None:
        await self.called_off(job, f"what the registry may have of it stays there: {why.message}")

    async def not_brought(self, job: Job, why: ColonnadeError) -> None:
        def refused(found: Job) -> Job:
            return concluded(found, job.attempt, Ending.REFUSED, why.message, self._clock(), most_lost=0)

        await self.changed(job.id, refused)

    def _told(self, job: Job) -> None:
        facts = {"job": job.id, "attempt": job.attempt, "on_behalf_of": job.by}
        if job.state is not State.CANCELLED:  # whoever cancelled it says why in their own record
            facts["why"] = job.why
        if job.produced is not None:
            facts |= {"version": str(job.produced), "digest": job.produced.digest}
        self._trail.note("training.job.step", _PRINCIPAL, job.state.value, **facts)
        _LOG.info("job", state=job.state.value, job=job.id, attempt=job.attempt)  # names and words: the trail
        if job.state is State.QUEUED:
            metrics.LOST.inc()
        if job.state.ended:
            metrics.ENDED.labels(job.state.value).inc()
        self._wake()


def _word(job: Job) -> str:
    return "lost" if job.state is State.QUEUED else job.state.value
