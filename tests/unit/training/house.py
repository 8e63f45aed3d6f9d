"""A training service without processes: what hands out work, with everything around it in memory."""

import asyncio
from datetime import timedelta

from colonnade.training.dispatcher import Dispatcher, Rules
from colonnade.training.domain import Job, cancelled
from colonnade.training.following import Follower
from colonnade.training.ledger import Ledger
from colonnade.training.publishing.aside import Aside, Ends
from colonnade.training.publishing.bringer import Bringer
from colonnade.training.publishing.errands import Pace
from colonnade.training.publishing.importer import Importer
from colonnade.training.publishing.publisher import Publisher
from colonnade.training.publishing.recorder import Recorder
from colonnade.training.queue import Slots
from colonnade.training.worker_recipe import Reads
from tests.unit.registry.fakes import MemoryTrail
from tests.unit.training.fakes import RECIPE, Clock, FakeRunner, MemoryJobStore, MemoryJournal, begun, job
from tests.unit.training.registries import MemoryModels, MemoryOutputs, MemoryRegistry

RULES = Rules(
    Slots(2), most_lost=2, grace_seconds=60, silent_seconds=600, lease_seconds=30, tick_seconds=0.01
)


class House:
    def __init__(self, rules: Rules = RULES, store: MemoryJobStore | None = None) -> None:
        self.store, self.runner, self.journal = store or MemoryJobStore(), FakeRunner(), MemoryJournal()
        self.trail, self.clock, self.rules = MemoryTrail(), Clock(), rules
        self.registry, self.outputs, self.models = MemoryRegistry(), MemoryOutputs(), MemoryModels()
        self.dispatcher = self.another("one")

    def another(self, holder: str) -> Dispatcher:
        """A service that knows nothing of the one before."""
        woken = asyncio.Event()
        ledger = Ledger(self.store, self.trail, holder=holder, clock=self.clock, wake=woken.set)
        publisher = Publisher(
            self.registry, self.outputs, self.store, self.journal, ledger,
            rights=timedelta(days=30), clock=self.clock,
        )  # fmt: skip
        bringer = Bringer(self.registry, self.models, ledger, publisher.behalf)
        recorder = Recorder(self.registry, self.outputs, ledger, publisher.behalf)
        importer = Importer(self.registry, publisher, ledger, pause_seconds=0.001)
        ends = Ends(publisher, recorder, importer)
        self.aside = aside = Aside(ends, bringer, ledger, Reads(), wake=woken.set, pace=Pace(0.01, 0.01))
        return Dispatcher(
            self.store, self.runner, Follower(self.journal), ledger, aside, self.rules,
            holder=holder, woken=woken, clock=self.clock,
        )  # fmt: skip

    async def put(self, *found: Job, recipe: str = RECIPE) -> None:
        for each in found:
            await self.store.submit(each, recipe, begun(each), None, most_queued=1000)

    async def turn(self, seconds: float = 1) -> None:
        self.clock.pass_by(seconds)
        await self.dispatcher.turn()

    def job(self, number: int = 1) -> Job:
        return self.store.jobs[job(number).id]

    def what(self, number: int = 1) -> list[str]:
        return [event.what for event in self.store.told[job(number).id]]

    async def cancel(self, number: int = 1) -> None:
        await self.store.change(
            job(number).id, lambda found: (cancelled(found, self.clock(), by="x/y"), None), at=self.clock()
        )
