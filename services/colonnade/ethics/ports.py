"""What screening needs of the world."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from colonnade.ethics.bias.domain.live import Seen
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.domain.decision import Verdict
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Policy
from colonnade.security.identity import Principal


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


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of unit length, and the digest of the model that made them."""

    model: str
    vectors: NDArray[np.float32]
    """One row a text."""


class Embedder(Protocol):
    async def embed(self, texts: Sequence[str]) -> Embedded:
        """``Unavailable`` and its like where nobody embeds now."""
        ...


class Judge(Protocol):
    """A model that answers a question by what it finds likely."""

    async def likelihoods(self, question: str, answers: Sequence[str]) -> Sequence[float]:
        """Log-likelihood of each answer after the question, in nats. ``Unavailable`` and its like where
        nobody scores now."""
        ...


class Policies(Protocol):
    def named(self, tenant: str, route: str) -> Policy:
        """What holds there, but for what is on trial. ``Unavailable`` where it cannot be carried out."""
        ...


class Watch(Protocol):
    """Who looks at a sample of answers afterwards."""

    def samples(self) -> bool:
        """Whether the next request is to be shown."""
        ...

    def saw(self, seen: Seen) -> None:
        """Returns at once."""
        ...


class Judged(Protocol):
    """One request that is screened, and what becomes of what was decided."""

    async def take(self, side: Side, text: str, *, last: bool, again: bool) -> Verdict: ...

    def end(self) -> None:
        """Nothing more comes, for whatever reason."""
        ...

    @property
    def policy(self) -> Policy: ...


class Bench(Protocol):
    def begin(
        self, principal: Principal, route: str, request_id: str, version: Version | None = None
    ) -> Judged:
        """Raises ``Unavailable`` where the policy that holds cannot be carried out."""
        ...
