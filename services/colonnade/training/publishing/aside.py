"""What jobs have to do with the registry, beside the turns in which work is handed out."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from colonnade.training.domain import IMPORT, Job
from colonnade.training.publishing.bringer import Bringer
from colonnade.training.publishing.errands import PACE, Act, Errands, Pace
from colonnade.training.publishing.importer import Importer
from colonnade.training.publishing.ports import Ledger
from colonnade.training.publishing.publisher import Publisher
from colonnade.training.publishing.recorder import Recorder
from colonnade.training.worker_recipe import Reads, for_worker


@dataclass(frozen=True, slots=True)
class Ends:
    """Who tells the registry what came of a job."""

    publisher: Publisher
    recorder: Recorder
    importer: Importer

    @property
    def acts(self) -> Mapping[str, Act]:
        """By the kind of the job."""
        publish = self.publisher.publish
        return {
            "train": publish, "convert": publish,
            "evaluate": self.recorder.record, IMPORT: self.importer.bring_in,
        }  # fmt: skip


class Aside:
    def __init__(
        self,
        ends: Ends,
        bringer: Bringer,
        ledger: Ledger,
        reads: Reads,
        *,
        wake: Callable[[], None],
        pace: Pace = PACE,
    ) -> None:
        """``reads``: what recipes may name. ``wake`` hears that there is something to look at."""
        self._bringer, self._reads = bringer, reads
        self._publishing = {
            kind: Errands(act, ledger.waits, ledger.not_published, wake, pace)
            for kind, act in ends.acts.items()
        }  # of each its own: an import may take hours
        self._calling_off = Errands(ends.importer.call_off, ledger.waits, ledger.not_called_off, wake, pace)
        self._bringing = Errands(bringer.bring, ledger.waits, ledger.not_brought, wake, pace)

    async def recipe_for(self, job: Job, text: str) -> str | None:
        """The recipe as the job's worker gets it; None while something of it is brought."""
        folders = await self._bringer.there(job)
        if folders is None:
            self._bringing.see_to(job)
            return None
        return for_worker(text, folders, self._reads)

    def publish(self, jobs: Sequence[Job]) -> None:
        for kind, errands in self._publishing.items():
            _see_to(errands, [job for job in jobs if job.asked.kind == kind])

    def call_off(self, jobs: Sequence[Job]) -> None:
        """Imports that were cancelled."""
        _see_to(self._calling_off, jobs)

    def keep(self, under_way: Iterable[Job]) -> None:
        """Ends what is brought for all others."""
        self._bringing.keep(job.id for job in under_way)

    async def clear(self, ended: Callable[[str], Awaitable[bool]]) -> None:
        await self._bringer.clear(ended)

    async def stop(self) -> None:
        """What was begun is gone on with by whoever comes next."""
        for errands in (*self._publishing.values(), self._calling_off, self._bringing):
            await errands.stop()


def _see_to(errands: Errands, jobs: Sequence[Job]) -> None:
    errands.keep(job.id for job in jobs)
    for job in jobs:
        errands.see_to(job)
