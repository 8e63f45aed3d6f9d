"""Jobs, a store in memory that passes the contract suite, and a runner that starts nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from colonnade.errors import NotFound, Overloaded, Unavailable
from colonnade.security.identity import Principal, Role
from colonnade.security.inputs.once import Once
from colonnade.training.domain import Asked, Ending, Event, Job, Sight, State, Worker, submitted
from colonnade.training.ports import Change, Entry, Filter, LeaseLost, Read
from colonnade.training.queue import Waiting

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
EVE = Principal("acme", "eve", frozenset({Role.MODEL_ENGINEER}))
ANN = Principal("globex", "ann", frozenset({Role.MODEL_ENGINEER}))
HOME = Principal("local", "root", frozenset({Role.ADMIN}))
RECIPE = "name: plays\nsteps: 400\noutput: {register: false}\n"


def asked(*, priority: int = 0, name: str = "plays", kind: str = "train") -> Asked:
    steps = 400 if kind == "train" else 0
    return Asked(kind, name, steps, f"sha256:{'0' * 64}", priority)


def job(
    number: int = 1, *, by: str = "acme/eve", priority: int = 0, name: str = "plays", kind: str = "train"
) -> Job:
    return submitted(f"job_{number:016x}", by, asked(priority=priority, name=name, kind=kind), START)


def begun(found: Job) -> Event:
    return Event(found.created_at, "submitted", found.by)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MemoryJobStore:
    """Implements ``ports.JobStore``: a method without an ``await`` in it is a transaction."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.recipes: dict[str, str] = {}
        self.told: dict[str, list[Event]] = {}
        self._once: dict[tuple[str, str], tuple[str, str]] = {}
        self._holder, self._until = "", START

    async def submit(
        self, job: Job, recipe: str, event: Event, once: Once | None, *, most_queued: int
    ) -> Job:
        if once and (known := await self.recall(once)):
            return known
        queued = [each for each in self.jobs.values() if each.state is State.QUEUED]
        if sum(each.tenant == job.tenant for each in queued) >= most_queued:
            raise Overloaded("COLONNADE_TRAINING_MAX_QUEUED", limit=most_queued)
        if once:
            self._once[once.owner, once.key] = (job.id, once.fingerprint)
        self.jobs[job.id], self.recipes[job.id], self.told[job.id] = job, recipe, [event]
        return job

    async def recall(self, once: Once) -> Job | None:
        if (known := self._once.get((once.owner, once.key))) is None:
            return None
        once.check(known[1])
        return self.jobs[known[0]]

    async def find(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id)

    async def recipe(self, job_id: str) -> str:
        if job_id not in self.recipes:
            raise NotFound(f"there is no job {job_id}", field="id")
        return self.recipes[job_id]

    async def page(self, wanted: Filter, *, before: str, limit: int) -> Sequence[Job]:
        newest = sorted(self.jobs.values(), key=lambda job: job.id, reverse=True)
        return [job for job in newest if _fits(job, wanted) and (not before or job.id < before)][:limit]

    async def events(self, job_id: str) -> Sequence[Event]:
        return list(self.told.get(job_id, ()))

    async def change(self, job_id: str, change: Change, *, at: datetime, holder: str = "") -> Job:
        if holder and (self._holder != holder or self._until <= at):
            raise LeaseLost("another training service hands out work now")
        if job_id not in self.jobs:
            raise NotFound(f"there is no job {job_id}", field="id")
        before = self.jobs[job_id]
        after, event = change(before)
        if event is not None:
            self.told[job_id].append(event)
        if after != before:
            self.jobs[job_id] = replace(after, revision=before.revision + 1)
        return self.jobs[job_id]

    async def under_way(self) -> Sequence[Job]:
        return sorted((job for job in self.jobs.values() if job.state.under_way), key=lambda job: job.id)

    async def publishing(self) -> Sequence[Job]:
        found = [job for job in self.jobs.values() if job.state is State.PUBLISHING]
        return sorted(found, key=lambda job: job.id)

    async def waiting(self, each: int) -> Sequence[Waiting]:
        queued = [
            Waiting(job.id, job.tenant, job.asked.priority)
            for job in self.jobs.values()
            if job.state is State.QUEUED and job.asked.has_worker
        ]
        queued.sort(key=lambda job: (job.tenant, -job.priority, job.id))
        tenants = [job.tenant for job in queued]
        return [job for at, job in enumerate(queued) if at - tenants.index(job.tenant) < each]

    async def lease(self, holder: str, now: datetime, until: datetime) -> bool:
        if self._holder not in ("", holder) and self._until > now:
            return False
        self._holder, self._until = holder, until
        return True

    async def release(self, holder: str) -> None:
        if self._holder == holder:
            self._holder = ""


def _fits(job: Job, wanted: Filter) -> bool:
    facts = ((wanted.tenant, job.tenant), (wanted.kind, job.asked.kind))
    more = ((wanted.name, job.asked.name), (wanted.by, job.by))
    state = not wanted.states or job.state in wanted.states
    return state and all(not asked or asked == has for asked, has in (*facts, *more))


@dataclass
class FakeRunner:
    """Implements ``ports.Runner``: workers live until a test ends them."""

    workers: dict[tuple[str, int], Worker] = field(default_factory=dict)
    starts: list[tuple[str, int]] = field(default_factory=list)
    asked: list[tuple[str, int, bool]] = field(default_factory=list)
    away: bool = False
    place: str = "here"

    async def start(self, job: Job, recipe: str) -> None:
        self._check()
        key = (job.id, job.attempt)
        if key not in self.workers:
            self.starts.append(key)
            self.workers[key] = Worker(Sight.ALIVE)

    async def look(self, job: Job) -> Worker:
        self._check()
        if job.place != self.place:
            return Worker(Sight.UNSEEN)
        return self.workers.get((job.id, job.attempt), Worker(Sight.NEVER))

    async def stop(self, job: Job, *, insist: bool) -> None:
        self._check()
        self.asked.append((job.id, job.attempt, insist))
        if insist or (job.id, job.attempt) not in self.workers:
            self.end(job)

    def end(self, job: Job, ending: Ending = Ending.NONE, words: str = "") -> None:
        self.workers[job.id, job.attempt] = Worker(Sight.GONE, ending, words)

    def _check(self) -> None:
        if self.away:
            raise Unavailable("the machines are away")


@dataclass
class MemoryJournal:
    """Implements ``ports.Journal``; an offset counts entries."""

    logs: dict[str, list[Entry]] = field(default_factory=dict)

    def tell(self, job_id: str, kind: str, step: int, **values: float) -> None:
        log = self.logs.setdefault(job_id, [])
        log.append(Entry(kind, START.timestamp(), step, values, {}, f"{kind} {step}", len(log) + 1))

    async def read(self, job_id: str, offset: int) -> Read:
        log = self.logs.get(job_id, [])
        return Read(tuple(log[offset : offset + 2]), min(offset + 2, len(log)))

    async def near_end(self, job_id: str) -> int:
        return 0
