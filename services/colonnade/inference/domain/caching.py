"""Answers that are kept: of what request, for whom, and what is said of one that is given again."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What the caches had to do with an answer."""

    HIT = "hit"
    """It was kept of the very same request."""
    SEMANTIC = "semantic"
    """It was kept of a request that asks the same in other words."""
    JOINED = "joined"
    """It is generated for the very same request of somebody who asked a moment before."""
    MISS = "miss"
    """It is generated now."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens that an engine worked on."""

    prompt: int = 0
    completion: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.prompt + other.prompt, self.completion + other.completion)

    def __bool__(self) -> bool:
        return bool(self.prompt or self.completion)

    def beyond(self, other: "Spent") -> "Spent":
        """What is more than ``other``."""
        return Spent(max(0, self.prompt - other.prompt), max(0, self.completion - other.completion))


@dataclass(frozen=True, slots=True)
class Cached:
    kind: Kind
    age_seconds: float = 0.0
    similarity: float = 0.0
    generated: Spent | None = None
    """In the last chunk of a joined answer, if whoever asked first has left: what this request has to answer
    for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer is kept. ``key`` stands for all that shaped it; tenant and version as well, but those
    are looked at apart, too: no mistake in a key may ever show a tenant another one's answer."""

    tenant: str
    digest: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Near:
    """What the semantic cache goes by."""

    group: bytes
    """Stands for all of the request but ``text``: only questions of one group are compared."""
    text: str
    threshold: float
    """The least similarity, up to 1, at which another question counts as the same."""


@dataclass(frozen=True, slots=True)
class Caching:
    """What the caches must know of a request that they may answer."""

    place: Place
    refresh: bool = False
    """No kept answer is wanted; the new one may be kept."""
    near: Near | None = None
    """None where the question's own words count."""
    answers: int = 1
    deadline: float | None = None
    """On ``time.monotonic()``'s clock."""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole answer. ``body`` is opaque to whoever stores it."""

    body: bytes
    at: float
    """When it was generated, by ``time.time()``: stores outlive processes."""
