"""What rollouts need of the world, and what is kept of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from colonnade.errors import Conflict
from colonnade.registry.domain import Manifest, Target
from colonnade.registry.rollouts.machine import GateResult, Rollout
from colonnade.registry.rollouts.observation import Observed
from colonnade.registry.rollouts.plan import Gate
from colonnade.security.inputs.once import Once


class LeaseLost(Conflict):
    """Somebody else drives the rollout by now."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a rollout."""

    at: datetime
    what: str
    by: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A rollout as it is kept."""

    rollout: Rollout
    policy: str
    """The named plan that it was begun with; empty for a plan of its own."""
    created_at: datetime
    created_by: str
    updated_at: datetime
    revision: int = 1


Change: TypeAlias = Callable[[Record], tuple[Rollout, Event | None]]
"""What comes of a rollout, and what is to be told of it. Runs again where another one came between."""


class RolloutStore(Protocol):
    """Every method is one transaction; what it has returned from stays, whatever happens next."""

    async def begin(
        self,
        model: str,
        alias: str,
        make: Callable[[Sequence[Target]], tuple[Record, Event]],
        once: Once | None,
    ) -> Record:
        """What ``make`` makes of the alias's targets as they are; the alias means what the rollout says.

        ``Conflict`` where a rollout of the alias is under way, or the key was used for something else; what
        was begun with the same key before is returned. ``NotFound`` for an unknown model."""
        ...

    async def find(self, rollout_id: str) -> Record | None: ...

    async def under_way(self, model: str, alias: str) -> Record | None: ...

    async def page(self, *, model: str, under_way: bool, before: str, limit: int) -> Sequence[Record]:
        """Newest first; those older than ``before``, if that is given."""
        ...

    async def change(
        self, rollout_id: str, change: Change, *, by: str, at: datetime, holder: str = ""
    ) -> Record:
        """The rollout, its alias and the event, all or nothing. ``LeaseLost`` where ``holder`` is given and
        has no lease; ``NotFound``."""
        ...

    async def claim(self, holder: str, now: datetime, until: datetime) -> Record | None:
        """A lease on one that is under way and that nobody drives."""
        ...

    async def renew(self, rollout_id: str, holder: str, until: datetime) -> Record:
        """The rollout as it is. ``LeaseLost`` where another holder has it."""
        ...

    async def release(self, rollout_id: str, holder: str) -> None:
        """Anyone may have it; nothing where another holder has it."""
        ...

    async def release_all(self, holder: str) -> None:
        """Anyone may have those that the holder has."""
        ...

    async def report(
        self, rollout_id: str, phase: str, instance: str, candidate: Observed, stable: Observed
    ) -> None:
        """Replaces what this instance reported of the phase, unless that was more."""
        ...

    async def observed(self, rollout_id: str, phase: str) -> tuple[Observed, Observed]:
        """Of the candidate and the stable version, of all instances together."""
        ...

    async def events(self, rollout_id: str) -> Sequence[Event]:
        """Oldest first."""
        ...


class Evaluator(Protocol):
    async def ask(self, gate: Gate, candidate: Manifest, stable: Manifest | None) -> GateResult:
        """Raises ``Unavailable`` where it cannot be asked now, and is to be asked again."""
        ...
