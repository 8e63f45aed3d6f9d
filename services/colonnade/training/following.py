"""How far workers are, as their logs say."""

from collections.abc import Iterable

from colonnade.training.domain import Job, Progress
from colonnade.training.ports import Entry, Journal


class Follower:
    """Reads each log on from where it was; after a restart, its end alone is read again."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._offsets: dict[str, int] = {}

    async def progress(self, job: Job) -> Progress | None:
        """What the log says since the last look; None for nothing new."""
        known = self._offsets.get(job.id)
        offset = await self._journal.near_end(job.id) if known is None else known
        step, figures = job.step, dict[str, float]()
        while True:
            read = await self._journal.read(job.id, offset)
            for entry in read.entries:
                step = max(entry.step, 0) if entry.kind in ("began", "step", "evaluation") else step
                figures |= _figures(entry)
            if read.offset == offset:
                break
            offset = read.offset
        self._offsets[job.id] = offset
        return Progress(step, figures) if figures or step != job.step else None

    def keep(self, jobs: Iterable[Job]) -> None:
        """Forgets all others."""
        self._offsets = {job.id: self._offsets[job.id] for job in jobs if job.id in self._offsets}


def _figures(entry: Entry) -> dict[str, float]:
    """Of an evaluation under ``validation.``: a step has figures of the same names."""
    if entry.kind == "evaluation":
        return {f"validation.{name}": value for name, value in entry.values.items()}
    return dict(entry.values) if entry.kind == "step" else {}
