"""An erasure: what every service has to do so that nothing of a subject is left, and how far it is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from colonnade.errors import backoff

ROUNDS = (1, 2)
"""Each service is asked twice: what was under way when it was asked first is gone after the second time."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class AskedBy(StrEnum):
    ADMIN = "admin"
    SUBJECT = "subject"
    RESTORED = "restored"
    """The platform itself: something that is older than an erasure was found."""


@dataclass(frozen=True, slots=True, order=True)
class Affected:
    """A version that was made from what the subject gave; ``version`` empty: every one of the model."""

    model: str
    version: str
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody of whom a service holds something, since when."""

    tenant: str
    subject: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Erased:
    """What one service removed, by store."""

    removed: Mapping[str, int] = field(default_factory=dict)
    affected: Sequence[Affected] = ()


@dataclass(frozen=True, slots=True)
class Step:
    service: str
    round: int
    done_at: datetime | None = None
    tries: int = 0
    reason: str = ""
    """Why the last try was in vain."""
    due_at: datetime | None = None
    """When to try again."""
    removed: Mapping[str, int] = field(default_factory=dict)

    def done(self, removed: Mapping[str, int], at: datetime) -> Self:
        return replace(self, done_at=at, tries=self.tries + 1, reason="", removed=dict(removed))

    def failed(self, reason: str, at: datetime) -> Self:
        pause = backoff(self.tries + 1, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)
        due = at + timedelta(seconds=pause)
        return replace(self, tries=self.tries + 1, reason=reason, due_at=due)

    def is_due(self, now: datetime) -> bool:
        return self.done_at is None and (self.due_at is None or self.due_at <= now)


@dataclass(frozen=True, slots=True)
class Erasure:
    id: str
    tenant: str
    mark: str
    """Stands for the subject: an HMAC of tenant and subject."""
    why: str
    asked_by: AskedBy
    began_at: datetime
    sealed: str = field(repr=False)
    """The subject's name, until it is done; then empty."""
    steps: tuple[Step, ...]
    affected: tuple[Affected, ...] = ()
    ended_at: datetime | None = None
    receipt: str = field(default="", repr=False)

    @classmethod
    def begun(
        cls, id_: str, tenant: str, mark: str, sealed: str, why: str, by: AskedBy,
        services: Iterable[str], at: datetime,
    ) -> Self:  # fmt: skip
        names = tuple(services)
        steps = tuple(Step(name, each) for each in ROUNDS for name in names)
        return cls(id_, tenant, mark, why, by, at, sealed, steps)

    @property
    def is_carried_out(self) -> bool:
        return all(step.done_at for step in self.steps)

    def second_at(self, settle: timedelta) -> datetime | None:
        """When the second round begins, and all that was there before is about to be gone; None where the
        first one goes on."""
        ends = [step.done_at for step in self.steps if step.round == 1]
        return max(end for end in ends if end) + settle if all(ends) else None

    def next_step(self, now: datetime, settle: timedelta) -> Step | None:
        """None where there is nothing to do now. A service that fails holds up no other one of its round."""
        second = self.second_at(settle)
        current = 1 if second is None else 2
        if second is not None and now < second:
            return None
        return next((step for step in self.steps if step.round == current and step.is_due(now)), None)

    def with_step(self, step: Step, affected: Iterable[Affected] = ()) -> Self:
        steps = tuple(
            step if (each.service, each.round) == (step.service, step.round) else each for each in self.steps
        )
        return replace(self, steps=steps, affected=tuple(sorted({*self.affected, *affected})))

    @property
    def removed(self) -> Mapping[str, Mapping[str, int]]:
        """By service and store, of both rounds together."""
        found: dict[str, Counter[str]] = {}
        for step in self.steps:
            found.setdefault(step.service, Counter()).update(step.removed)
        return {service: dict(counts) for service, counts in found.items()}
