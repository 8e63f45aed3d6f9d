"""What adapting needs of the world."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from colonnade.ethics.adapting.domain.adaptations import Adaptation, Asker
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.bias.ports import Model
from colonnade.security.inputs.once import Once


class Writer(Model, Protocol):
    """A version that is asked. Raises ``ColonnadeError`` where it cannot be."""

    async def answers(self, ask: str, count: int) -> Sequence[str]:
        """Drawn, each with a seed of its own that is the same every time."""
        ...


class Writers(Protocol):
    async def named(self, name: str, version: int) -> Version:
        """``version`` 0: the one that the name stands for now. ``NotFound``."""
        ...

    def asked(self, version: Version) -> Writer: ...


class Harm(Protocol):
    async def of(self, answer: str) -> float:
        """0 (none that the scorers know) to 1. ``Unavailable`` where a scorer cannot be asked."""
        ...


class Rewards(Protocol):
    async def check(self, model: str, asker: Asker) -> None:
        """``NotFound`` for a reward model that the asker's tenant has not."""
        ...

    async def of(self, model: str, prompt: str, answers: Sequence[str], asker: Asker) -> Sequence[float]:
        """Logits."""
        ...


@dataclass(frozen=True, slots=True)
class Preferred:
    """What people's feedback comes to."""

    prompt: str
    """Its last message."""
    line: str
    """As the training service's recipe for preferences reads it."""
    made_of: tuple[str, ...]
    """Ids of feedback."""


class Preferences(Protocol):
    def of(self, tenant: str) -> AsyncIterator[Preferred]:
        """Accepted, oldest first."""
        ...

    async def givers(self, tenant: str, feedback: Sequence[str]) -> Sequence[str]:
        """Their subjects, once each; of what is gone meanwhile nobody."""
        ...


class Rows(Protocol):
    """Where the training service's workers read what is to be learnt."""

    def check(self) -> None:
        """``Unsupported`` where there is no such place."""
        ...

    async def write(self, adaptation: str, lines: Sequence[str]) -> str:
        """All or nothing; the path. Safe to repeat."""
        ...

    async def remove(self, adaptation: str) -> bool:
        """Whether there was something."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    ended: bool = False
    why: str = ""
    """Where it ended and made no version."""
    step: int = 0
    made: Version | None = None


class Training(Protocol):
    async def submit(self, asker: Asker, recipe: str, key: str) -> str:
        """The job's id; under a known key that of the job that it made."""
        ...

    async def job(self, asker: Asker, job_id: str) -> Job: ...

    async def cancel(self, asker: Asker, job_id: str, why: str) -> None:
        """Nothing where it has ended."""
        ...


class Rollouts(Protocol):
    async def propose(
        self, asker: Asker, version: Version, route: str, policy: str, why: str, key: str
    ) -> str:
        """The rollout's id; under a known key that of the rollout that it began."""
        ...


Pieces = Mapping[str, Mapping[str, Any]]
"""Work that is done, as JSON values, by name, in the order of the names."""


class Adaptations(Protocol):
    """Adaptations with the pieces of work that are done."""

    async def add(self, adaptation: Adaptation, once: Once | None) -> Adaptation:
        """The one that was added under the same key before, where there is one; ``Conflict`` where that was
        for something else."""
        ...

    async def get(self, tenant: str, adaptation_id: str) -> Adaptation:
        """``NotFound``."""
        ...

    async def page(self, tenant: str, model: str, before: str, limit: int) -> Sequence[Adaptation]:
        """Newest first, older than ``before``; empty names every model, and the newest."""
        ...

    async def claim(self, holder: str, now: datetime, until: datetime) -> Adaptation | None:
        """The oldest that has not ended and that nobody has a lease on."""
        ...

    async def keep(
        self, adaptation: Adaptation, holder: str, until: datetime, pieces: Pieces | None = None
    ) -> bool:
        """How far it is, with pieces of work; the lease lasts until then. False where it is lost, or the
        adaptation has ended meanwhile."""
        ...

    async def finish(self, adaptation: Adaptation, holder: str) -> bool:
        """False where the lease is lost, or it has ended meanwhile."""
        ...

    async def cancel(self, tenant: str, adaptation_id: str, at: datetime) -> Adaptation:
        """``NotFound``; ``Conflict`` where it has been proposed or has failed. Safe to repeat."""
        ...

    async def pieces(self, adaptation_id: str, after: str = "", limit: int = 0) -> Pieces:
        """Those after a name; 0: all."""
        ...

    async def given_by(self, adaptation: Adaptation, givers: Sequence[str]) -> None:
        """Whose feedback is in its rows."""
        ...

    async def ungiven(self, adaptation_id: str) -> None: ...

    async def given(self, tenant: str, subject: str) -> Sequence[str]:
        """Adaptations whose rows have feedback of theirs."""
        ...

    async def begun_by(self, tenant: str, subject: str) -> Sequence[Adaptation]: ...

    async def erase(self, tenant: str, subject: str, at: datetime) -> Mapping[str, int]:
        """What the subject asked for ends; of them, of the prompts that they sent and of the pairs made with
        those nothing is left. How many by store; safe to repeat."""
        ...

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[tuple[str, str, datetime]]:
        """Who began adaptations, by tenant and subject, after a subject of a tenant, and since when."""
        ...
