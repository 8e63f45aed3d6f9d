"""Hands out work: one of several services at a time, and again where it was after a crash at any point.

Nothing is remembered here that a decision needs. A turn reads which jobs are under way, looks at their
workers, and writes what it finds; then it starts queued jobs as far as there are slots. The row is written
before the worker is started: a row without a worker is seen in the next turn, and its worker started then.
What takes longer than a turn, as everything with the registry, goes on beside them; imports are nothing else,
and wait for no slot.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, Conflict
from colonnade.telemetry import get_logger
from colonnade.training import metrics
from colonnade.training.domain import (
    IMPORT,
    Job,
    Progress,
    Sight,
    State,
    Worker,
    concluded,
    lost,
    seen,
    started,
)
from colonnade.training.following import Follower
from colonnade.training.ledger import Ledger
from colonnade.training.ports import Clock, Filter, JobStore, LeaseLost, Runner
from colonnade.training.publishing.aside import Aside
from colonnade.training.queue import Slots, next_up
from colonnade.training.service import utc_now

_LOG = get_logger(__name__)
_SIGN_OF_LIFE = timedelta(seconds=30)
"""How often it is written down that a worker lives which says nothing."""
_CLEARING = timedelta(seconds=60)
"""How often what ended jobs leave behind is looked for."""
_QUEUED_IMPORTS = Filter(states=frozenset({State.QUEUED}), kind=IMPORT)
_PASSED_ON = 100
"""Imports of a turn."""


@dataclass(frozen=True, slots=True)
class Rules:
    slots: Slots
    most_lost: int = 3
    """Workers of a job in a row."""
    grace_seconds: float = 60.0
    """From the wish that a worker ends to its end by force."""
    silent_seconds: float = 600.0
    """After which a worker that cannot be seen is given up."""
    lease_seconds: float = 30.0
    tick_seconds: float = 0.5


class Dispatcher:
    def __init__(
        self,
        store: JobStore,
        runner: Runner,
        follower: Follower,
        ledger: Ledger,
        aside: Aside,
        rules: Rules,
        *,
        holder: str,
        woken: asyncio.Event,
        clock: Clock = utc_now,
    ) -> None:
        """``holder`` names this service among those of a database, whichever process runs it. ``woken`` is
        set by whoever knows that there is something to do."""
        self._store, self._runner, self._follower = store, runner, follower
        self._ledger, self._aside = ledger, aside
        self._rules, self._holder, self._clock = rules, holder, clock
        self._lease = timedelta(seconds=rules.lease_seconds)
        self._renewed: datetime | None = None
        self._cleared: datetime | None = None
        self._woken = woken
        self._stopping = False
        self._shown = metrics.Shown()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """Ends ``run`` after the job that is being looked at: a write is not broken off."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Until ``stop``: then others may go on at once. Workers go on too."""
        while not self._stopping:
            self._woken.clear()
            await self._guarded_turn()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rules.tick_seconds):
                    await self._woken.wait()
        await self._aside.stop()
        with suppress(ColonnadeError):
            await self._store.release(self._holder)

    async def _guarded_turn(self) -> None:
        try:
            await self.turn()
        except LeaseLost:
            _LOG.warning("another training service hands out work now")
        except ColonnadeError as error:
            _LOG.warning("no work could be handed out; it will be tried again", reason=error.message)
        except Exception:  # what ends here goes on no more until the next start
            _LOG.exception("no work could be handed out; it will be tried again")

    async def turn(self) -> None:
        """Looks at all that is under way, and starts what may begin. Nothing where another one does."""
        self._renewed = None
        if not await self._held():
            self._aside.keep(())
            self._aside.publish(())
            self._aside.call_off(())
            self._shown.show(())
            return
        with_workers, _ = await self._under_way()
        for job in with_workers:
            await self._one(job, self._look)
        self._follower.keep(with_workers)
        await self._hand_out()
        await self._pass_on()
        with_workers, others = await self._under_way()
        self._aside.keep(with_workers)
        self._shown.show(with_workers)
        self._aside.publish(() if self._stopping else await self._store.publishing())
        self._aside.call_off(() if self._stopping else others)
        await self._clear()

    async def _under_way(self) -> tuple[Sequence[Job], Sequence[Job]]:
        """Those with workers, and the imports that are to be called off."""
        found = await self._store.under_way()
        works = [job for job in found if job.asked.has_worker]
        return works, [job for job in found if not job.asked.has_worker]

    async def _pass_on(self) -> None:
        """What is imported is the registry's to fetch."""
        queued = await self._store.page(_QUEUED_IMPORTS, before="", limit=_PASSED_ON)
        for job in () if self._stopping else queued:
            await self._still_held()
            await self._start(job.id)

    async def _hand_out(self) -> None:
        running = Counter(job.tenant for job in (await self._under_way())[0])
        slots = self._rules.slots
        metrics.RUNNING.set(running.total())
        waiting = await self._store.waiting(slots.total) if running.total() < slots.total else ()
        for next_one in () if self._stopping else next_up(waiting, running, slots):
            await self._still_held()
            if job := await self._start(next_one.id):
                await self._one(job, self._begin)

    async def _start(self, job_id: str) -> Job | None:
        """None where somebody cancelled it meanwhile."""
        try:
            return await self._ledger.changed(job_id, self._started, "started")
        except LeaseLost:
            raise
        except Conflict:
            return None

    async def _one(self, job: Job, act: Callable[[Job], Awaitable[None]]) -> None:
        """What goes wrong with one job keeps no other from going on."""
        if self._stopping:
            return
        await self._still_held()
        try:
            await act(job)
        except LeaseLost:
            raise
        except ColonnadeError as error:
            _LOG.warning("a job waits", job=job.id, reason=error.message)
        except Exception:
            _LOG.exception("a job waits", job=job.id)

    def _started(self, job: Job) -> Job:
        return started(job, self._clock(), place=self._runner.place if job.asked.has_worker else "")

    async def _begin(self, job: Job) -> None:
        recipe = await self._aside.recipe_for(job, await self._store.recipe(job.id))
        if recipe is not None:
            await self._runner.start(job, recipe)

    async def _look(self, job: Job) -> None:
        worker = await self._runner.look(job)
        progress = await self._follower.progress(job)
        if worker.sight is Sight.GONE:
            await self._conclude(job, worker, progress)
        elif worker.sight is Sight.UNSEEN:
            await self._unseen(job)
        elif job.state is State.STOPPING:
            patience = timedelta(seconds=self._rules.grace_seconds)
            await self._runner.stop(job, insist=self._clock() - job.since >= patience)
        elif worker.sight is Sight.NEVER:
            await self._begin(job)
        if worker.sight is Sight.ALIVE:
            await self._note_life(job, progress)

    async def _conclude(self, job: Job, worker: Worker, progress: Progress | None) -> None:
        def conclude(found: Job) -> Job:
            now = self._clock()
            found = found if progress is None else seen(found, job.attempt, progress, now)
            return concluded(
                found, job.attempt, worker.ending, worker.words, now, most_lost=self._rules.most_lost
            )

        await self._ledger.changed(job.id, conclude)

    async def _unseen(self, job: Job) -> None:
        last = job.seen_at or job.since
        if self._clock() - last < timedelta(seconds=self._rules.silent_seconds):
            return
        why = "its worker gave no sign of life"
        await self._ledger.changed(
            job.id,
            lambda found: lost(found, job.attempt, why, self._clock(), most_lost=self._rules.most_lost),
        )

    async def _note_life(self, job: Job, progress: Progress | None) -> None:
        now = self._clock()
        if progress is None and job.seen_at is not None and now - job.seen_at < _SIGN_OF_LIFE:
            return
        await self._ledger.changed(job.id, lambda found: seen(found, job.attempt, progress, now))

    async def _clear(self) -> None:
        now = self._clock()
        if self._cleared is None or now - self._cleared >= _CLEARING:
            self._cleared = now
            await self._aside.clear(self._ended)

    async def _ended(self, job_id: str) -> bool:
        job = await self._store.find(job_id)
        return job is None or job.state.ended

    async def _held(self) -> bool:
        now = self._clock()
        self._renewed = now if await self._store.lease(self._holder, now, now + self._lease) else None
        return self._renewed is not None

    async def _still_held(self) -> None:
        """Renews the lease in good time; raises ``LeaseLost``."""
        if self._renewed is not None and self._clock() - self._renewed < self._lease / 3:
            return
        if not await self._held():
            raise LeaseLost("another training service hands out work now")
