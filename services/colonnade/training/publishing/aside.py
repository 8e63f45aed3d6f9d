"""What jobs have to do with the registry, beside the turns in which work is handed out."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from colonnade.training.domain import Job
from colonnade.training.publishing.bringer import Bringer
from colonnade.training.publishing.errands import PACE, Errands, Pace
from colonnade.training.publishing.ports import Ledger
from colonnade.training.publishing.publisher import Publisher
from colonnade.training.worker_recipe import Reads, for_worker


class Aside:
    def __init__(
        self,
        publisher: Publisher,
        bringer: Bringer,
        ledger: Ledger,
        reads: Reads,
        *,
        wake: Callable[[], None],
        pace: Pace = PACE,
    ) -> None:
        """``reads``: what recipes may name. ``wake`` hears that there is something to look at."""
        self._bringer, self._reads = bringer, reads
        self._publishing = Errands(publisher.publish, ledger.waits, ledger.not_published, wake, pace)
        self._bringing = Errands(bringer.bring, ledger.waits, ledger.not_brought, wake, pace)

    async def recipe_for(self, job: Job, text: str) -> str | None:
        """The recipe as the job's worker gets it; None while something of it is brought."""
        folders = await self._bringer.there(job)
        if folders is None:
            self._bringing.see_to(job)
            return None
        return for_worker(text, folders, self._reads)

    def publish(self, jobs: Sequence[Job]) -> None:
        self._publishing.keep(job.id for job in jobs)
        for job in jobs:
            self._publishing.see_to(job)

    def keep(self, under_way: Iterable[Job]) -> None:
        """Ends what is brought for all others."""
        self._bringing.keep(job.id for job in under_way)

    async def clear(self, ended: Callable[[str], Awaitable[bool]]) -> None:
        await self._bringer.clear(ended)

    async def stop(self) -> None:
        """What was begun is gone on with by whoever comes next."""
        await self._publishing.stop()
        await self._bringing.stop()
