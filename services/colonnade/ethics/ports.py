"""What screening needs of the world."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Stretch:
    """The end of a folded text, and which of it is to be judged now."""

    text: str
    start: int
    """What is to be judged begins here; before it, up to ``LOOK_BEHIND`` characters to look at."""
    last: bool
    """No more text comes."""


LOOK_BEHIND = 64


@dataclass(frozen=True, slots=True)
class Found:
    """A finding in a stretch: ``start`` and ``end`` are indices of its text."""

    category: str
    start: int
    end: int
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Scored:
    found: Sequence[Found]
    """All that begin in ``[start, settled)``, in order."""
    settled: int
    """No finding that begins before this index comes or changes, whatever text follows."""


class Scorer(Protocol):
    """Judges text. What it finds at a place depends only on the ``context`` characters from there on, and on
    those just before, so that it finds the same wherever a text is cut."""

    name: str
    categories: frozenset[str]
    context: int
    """The most characters that it leaves unsettled, and that a finding of it is long."""
    immediate: bool
    """Answers without waiting for anything."""

    async def score(self, stretch: Stretch, side: Side) -> Scored: ...


class Policies(Protocol):
    async def policy_for(self, tenant: str, route: str) -> Policy:
        """``NotFound``."""
        ...
