"""What people and programs ask of jobs."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from colonnade.errors import Conflict, InvalidArgument, NotFound, Overloaded
from colonnade.security.access.roles import TRAIN
from colonnade.security.audit import privileged
from colonnade.security.identity import HOME_TENANT, Principal, Role
from colonnade.security.inputs import check_text
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE
from colonnade.security.inputs.once import Once
from colonnade.training.domain import KINDS, Asked, Event, Job, cancelled, resumed, retried, submitted
from colonnade.training.ports import AuditTrail, Clock, Entry, Filter, JobStore, Journal
from colonnade.training.recipes import read_head

PAGE_SIZE = 50
PRIORITIES = range(-100, 101)
MOST_QUEUED = 1000
MAX_WATCHERS = 64
_ID_BYTES, _WHY_BYTES, _NAME_BYTES = 64, 1000, 512


def utc_now() -> datetime:
    return datetime.now(UTC)


def actor(principal: Principal) -> str:
    """How a principal is named in records."""
    return f"{principal.tenant}/{principal.subject}"


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for."""

    recipe: str
    kind: str = ""
    """The recipe's, if it is given: that alone decides."""
    priority: int = 0
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    job: Job
    recipe: str
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one service does at once."""

    most_queued: int = MOST_QUEUED
    """Jobs of one tenant that wait."""
    max_watchers: int = MAX_WATCHERS
    """Streams of metrics and logs."""
    pause_seconds: float = field(default=0.5)
    """How often a stream looks for more."""


class Jobs:
    def __init__(
        self,
        store: JobStore,
        journal: Journal,
        trail: AuditTrail,
        *,
        bounds: Bounds = Bounds(),
        wake: Callable[[], None] = lambda: None,
        clock: Clock = utc_now,
    ) -> None:
        """``wake`` tells who hands out work that there is something to do."""
        self._store, self._journal, self._trail = store, journal, trail
        self._bounds, self._wake, self._clock = bounds, wake, clock
        self._watchers = 0
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Streams end: a job may last for days."""
        self._closing.set()

    async def submit(self, order: Order, principal: Principal) -> Job:
        if order.kind and order.kind not in KINDS:
            raise InvalidArgument(f"kind must be one of {', '.join(KINDS)}", field="kind")
        if order.priority not in PRIORITIES:
            raise InvalidArgument(
                f"priority must be {PRIORITIES[0]} to {PRIORITIES[-1]}",
                field="priority",
                limit=PRIORITIES[-1],
            )
        head = await asyncio.to_thread(read_head, order.recipe)
        if order.kind not in ("", head.kind):
            raise InvalidArgument(
                f"kind is {order.kind}, and the recipe's is {head.kind}; write kind: {order.kind} at its top",
                field="kind",
            )
        by, now = actor(principal), self._clock()
        asked = Asked(
            head.kind, head.name, head.steps, head.digest, order.priority,
            output=head.output, brings=head.brings, source=head.source,
        )  # fmt: skip
        once = Once.of(by, order.idempotency_key, head.kind, str(order.priority), head.digest)
        job = submitted(_new_id(now), by, asked, now, behalf=_behalf(principal))
        return await self._put(job, order.recipe, once, principal, Event(now, "submitted", by))

    async def retry(self, job_id: str, principal: Principal, *, key: str = "") -> Job:
        """A new job of the same recipe, from its beginning, whoever submitted the first one."""
        before = await self._mine(job_id, principal)
        by, now = actor(principal), self._clock()
        once = Once.of(by, key, "retry", before.id)
        if once and (known := await self._store.recall(once)):  # also where the first one goes on since
            return known
        recipe = await self._recipe(before.id)
        job = retried(before, _new_id(now), by, now, behalf=_behalf(principal))
        event = Event(now, "submitted", by, f"retry of {before.id}")
        return await self._put(job, recipe, once, principal, event)

    async def get(self, job_id: str, principal: Principal) -> Detail:
        job = await self._mine(job_id, principal)
        return Detail(job, await self._store.recipe(job.id), await self._store.events(job.id))

    async def page(
        self, wanted: Filter, principal: Principal, *, page_size: int = 0, page_token: str = ""
    ) -> tuple[Sequence[Job], str]:
        """Newest first, and the token of the next page, if there is one."""
        if not 0 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidArgument(
                f"page_size must be 0 to {MAX_PAGE_SIZE}", field="page_size", limit=MAX_PAGE_SIZE
            )
        for name, value in (("tenant", wanted.tenant), ("name", wanted.name), ("by", wanted.by)):
            check_text(value, name, _NAME_BYTES, allow_empty=True, controls="line")
        check_text(page_token, "page_token", _ID_BYTES, allow_empty=True, controls="line")
        if wanted.kind and wanted.kind not in KINDS:
            raise InvalidArgument(f"kind must be one of {', '.join(KINDS)}", field="kind")
        if not _sees_all(principal):
            if wanted.tenant not in ("", principal.tenant):
                return (), ""
            wanted = replace(wanted, tenant=principal.tenant)
        size = page_size or PAGE_SIZE
        found = await self._store.page(wanted, before=page_token, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def cancel(self, job_id: str, principal: Principal, *, why: str = "") -> Job:
        check_text(why, "why", _WHY_BYTES, allow_empty=True, controls="text")
        by = actor(principal)
        return await self._change(
            job_id, principal, "cancel", lambda job, now: cancelled(job, now, by=by, why=why), why
        )

    async def resume(self, job_id: str, principal: Principal) -> Job:
        by = actor(principal)
        await self._recipe((await self._mine(job_id, principal)).id)
        return await self._change(job_id, principal, "resume", lambda job, now: resumed(job, now, by=by))

    async def entries(
        self, job_id: str, principal: Principal, *, offset: int = 0, follow: bool = False
    ) -> AsyncGenerator[Entry]:
        """The log of a job's run from an offset; to the end of the job where it is followed, else to the end
        of what is there."""
        if offset < 0:
            raise InvalidArgument("offset must be 0 or what was returned with a line", field="offset")
        await self._mine(job_id, principal)
        if self._watchers >= self._bounds.max_watchers:
            raise Overloaded(
                f"there are {self._bounds.max_watchers} streams already (COLONNADE_TRAINING_MAX_WATCHERS)",
                limit=self._bounds.max_watchers,
                retry_after_seconds=5,
            )
        self._watchers += 1
        try:
            async with aclosing(self._followed(job_id, offset, follow)) as found:
                async for each in found:
                    yield each
        finally:
            self._watchers -= 1

    async def _followed(self, job_id: str, offset: int, follow: bool) -> AsyncGenerator[Entry]:
        while True:
            job = await self._store.find(job_id)  # before the log is read: what ended it is in there then
            read = await self._journal.read(job_id, offset)
            for entry in read.entries:
                yield entry
            if read.offset != offset:
                offset = read.offset
            elif not follow or job is None or job.state.ended or self._closing.is_set():
                return
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._bounds.pause_seconds):
                        await self._closing.wait()

    async def _put(self, job: Job, recipe: str, once: Once | None, principal: Principal, event: Event) -> Job:
        facts = {"kind": job.asked.kind, "name": job.asked.name, "recipe": job.asked.recipe_digest}
        if job.retry_of:
            facts["retry_of"] = job.retry_of
        async with privileged(
            self._trail, "training.job.submit", principal, acknowledge=True, **facts
        ) as learnt:
            kept = await self._store.submit(job, recipe, event, once, most_queued=self._bounds.most_queued)
            learnt["job"] = kept.id
        self._wake()
        return kept

    async def _change(
        self,
        job_id: str,
        principal: Principal,
        act: str,
        change: Callable[[Job, datetime], Job],
        why: str = "",
    ) -> Job:
        await self._mine(job_id, principal)
        by, now = actor(principal), self._clock()

        def changed(job: Job) -> tuple[Job, Event | None]:
            after = change(job, now)
            return after, None if after == job else Event(now, after.state.value, by, why)

        facts = {"job": job_id, "why": why}
        async with privileged(self._trail, f"training.job.{act}", principal, acknowledge=True, **facts):
            job = await self._store.change(job_id, changed, at=now)
        self._wake()
        return job

    async def _recipe(self, job_id: str) -> str:
        """``Conflict`` where its author was erased."""
        if not (recipe := await self._store.recipe(job_id)):
            raise Conflict("the job's recipe was erased with whoever wrote it; submit one anew", field="id")
        return recipe

    async def _mine(self, job_id: str, principal: Principal) -> Job:
        """``NotFound`` also for another tenant's: nobody learns that it is there."""
        check_text(job_id, "id", _ID_BYTES, controls="line")
        job = await self._store.find(job_id)
        if job is None or not (_sees_all(principal) or job.tenant == principal.tenant):
            raise NotFound(f"there is no job {job_id}", field="id")
        return job


def _behalf(principal: Principal) -> Principal:
    """With no more rights than training asks for: a service that asks passes none of its own on."""
    return replace(principal, roles=principal.roles & TRAIN)


def _sees_all(principal: Principal) -> bool:
    return principal.tenant == HOME_TENANT or Role.SERVICE in principal.roles


def _new_id(now: datetime) -> str:
    return f"job_{int(now.timestamp() * 1e6):016x}{uuid.uuid4().hex[:12]}"
