"""Where decisions are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from colonnade.ethics.decisions.domain import By, Held, Kept, Sample, Wanted


class DecisionStore(Protocol):
    async def keep(self, decisions: Sequence[Kept], samples: Sequence[Sample]) -> None:
        """But for those whose request began before their subject was erased. Safe to repeat."""
        ...

    async def page(self, tenant: str, wanted: Wanted, *, before: str, limit: int) -> Sequence[Kept]:
        """Newest first, before the one with the id ``before``."""
        ...

    async def summary(self, tenant: str, wanted: Wanted, by: By) -> Mapping[str, int]: ...

    async def samples(self, tenant: str, limit: int) -> Sequence[Sample]:
        """Newest first."""
        ...

    async def tidy(self, now: datetime, *, older_than: datetime, most_samples: int) -> int:
        """Erases what is older, samples beyond the newest of each tenant, and what is known of erasures from
        before anything that is under way; how many decisions."""
        ...

    async def erase(self, tenant: str, subject: str, at: datetime) -> Mapping[str, int]:
        """All of a subject, and what comes of requests that began by ``at``. Safe to repeat."""
        ...

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[Held]:
        """Of whom something is kept, by tenant and subject."""
        ...
