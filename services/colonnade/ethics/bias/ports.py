"""What the bias room needs of the world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from colonnade.ethics.bias.domain.drift import Drift
from colonnade.ethics.bias.domain.live import Alarm, Cell, Tally
from colonnade.ethics.bias.domain.outcomes import Outcome
from colonnade.ethics.bias.domain.reports import Report, Version
from colonnade.security.inputs.once import Once


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of a text after its context, in nats."""

    total: float
    tokens: int

    @property
    def mean(self) -> float:
        return self.total / max(1, self.tokens)


class Model(Protocol):
    """A version that is asked. Raises ``ColonnadeError`` where it cannot be."""

    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]: ...

    async def answer(self, ask: str) -> str:
        """As a conversation, at temperature 0."""
        ...


class Models(Protocol):
    async def named(self, name: str, version: int) -> Version:
        """``version`` 0: the one that the name stands for now. ``NotFound``."""
        ...

    def asked(self, version: Version) -> Model:
        """In the name of this service."""
        ...


class Reports(Protocol):
    """Reports with the pieces of work that are done."""

    async def add(self, report: Report, once: Once | None) -> Report:
        """The one that was added under the same key before, where there is one; ``Conflict`` where that was
        for something else."""
        ...

    async def get(self, tenant: str, report_id: str) -> Report:
        """``NotFound``."""
        ...

    async def page(self, tenant: str, model: str, before: str, limit: int) -> Sequence[Report]:
        """Newest first, older than the report ``before``; empty names every model, and the newest."""
        ...

    async def claim(self, holder: str, now: datetime, until: datetime) -> Report | None:
        """The oldest that is not done and that nobody else has a lease on."""
        ...

    async def keep(
        self, report: Report, holder: str, until: datetime, piece: str, outcomes: Sequence[Outcome]
    ) -> bool:
        """A piece of work and the report's progress; renews the lease. False where it is lost."""
        ...

    async def pieces(self, report_id: str) -> Mapping[str, Sequence[Outcome]]: ...

    async def finish(self, report: Report, holder: str) -> bool:
        """False where the lease is lost."""
        ...

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        """Reports stay: of who began them nothing is left. How many those were; safe to repeat."""
        ...

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[tuple[str, str, datetime]]:
        """Who began reports, by tenant and subject, after a subject of a tenant, and since when."""
        ...


class LiveStore(Protocol):
    async def record(self, cells: Mapping[Cell, Tally]) -> None:
        """Adds to what is there."""
        ...

    async def cells(self, tenant: str, since: datetime) -> Mapping[Cell, Tally]: ...

    async def observe(self, tenant: str, model: str, dimension: str, biased: bool, start: Drift) -> Drift:
        """One observation more, on top of what is kept, or of ``start``; what is kept then."""
        ...

    async def alarm(self, alarm: Alarm) -> None: ...

    async def alarms(self, tenant: str, limit: int) -> Sequence[Alarm]:
        """Newest first."""
        ...
