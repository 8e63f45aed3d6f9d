"""Brings the registry's models that a run starts from into its folder, before its worker begins, and takes
them away when the job has ended. Workers hold no credentials: what they need lies there.

What a reference means is settled once, when the run first begins, and written down: an alias may move, a run
goes on from what it began from."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from colonnade.errors import InvalidArgument
from colonnade.security.identity import Principal
from colonnade.training.domain import Job
from colonnade.training.publishing.ports import Known, Ledger, Models, Registry


class Bringer:
    def __init__(
        self, registry: Registry, models: Models, ledger: Ledger, behalf: Callable[[Job], Principal]
    ) -> None:
        self._registry, self._models = registry, models
        self._ledger, self._behalf = ledger, behalf

    async def there(self, job: Job) -> Mapping[str, Path] | None:
        """The folders of what the job needs, by field; None while some of it is missing."""
        for field in job.asked.brings:
            version = job.brought.get(field)
            if version is None or not await self._models.there(job.id, field, version):
                return None
        return {field: self._models.folder(job.id, field) for field in job.asked.brings}

    async def bring(self, job: Job) -> None:
        """All that the job needs. Raises what keeps it from that; what is there already stays."""
        who = self._behalf(job)
        for field, reference in job.asked.brings.items():
            if field in job.brought:
                known = await self._registry.find(who, job.brought[field].digest)
            else:
                known = await self._registry.resolve(who, reference)
                _check(known, field, reference)
                job = await self._ledger.brought(job, field, known.version)
            if not await self._models.there(job.id, field, job.brought[field]):
                await self._fetch(job, field, who, known)

    async def clear(self, ended: Callable[[str], Awaitable[bool]]) -> None:
        """Takes away what ended jobs have."""
        for job_id in await self._models.kept():
            if await ended(job_id):
                await self._models.take_away(job_id)

    async def _fetch(self, job: Job, field: str, who: Principal, known: Known) -> None:
        for file in known.files:
            if await self._models.linked(job.id, field, file):
                continue
            offset = await self._models.received(job.id, field, file)
            async with aclosing(self._registry.read(who, file.digest, offset)) as pieces:
                await self._models.append(job.id, field, file, offset, pieces)
        await self._models.complete(job.id, field, job.brought[field])


def _check(known: Known, field: str, reference: str) -> None:
    if known.adapter:
        raise InvalidArgument(
            f"{field}: {reference} is an adapter; name the model that it belongs to", field=field
        )
