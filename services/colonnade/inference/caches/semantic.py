"""The same question in other words, found by its embedding.

Where no embedding comes in time there is no such question; then it is not asked for again for a while.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.inference.caches.keys import fingerprint
from colonnade.inference.caches.nearest import Nearest, Vector, unit
from colonnade.inference.domain import Near, Place
from colonnade.telemetry import get_logger, span

_LOG = get_logger(__name__)
_LONGEST_SECONDS = 2.0
_PAUSE_SECONDS = 5.0
Embed: TypeAlias = Callable[[str], Awaitable[tuple[str, Sequence[float]]]]
"""The digest of the version that embeds, and the embedding of a text."""


@dataclass(frozen=True, slots=True)
class Question:
    group: bytes
    vector: Vector
    nearest: Place | None = None
    """Where the answer of a question that counts as the same is kept."""
    similarity: float = 0.0


class Semantic:
    def __init__(self, embed: Embed, *, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._embed, self._clock = embed, clock
        self._index = Nearest(capacity)
        self._not_before = 0.0

    @property
    def questions(self) -> int:
        return len(self._index)

    async def asked(self, near: Near) -> Question | None:
        """None where it cannot be told what it is like."""
        if self._clock() < self._not_before:
            return None
        with span("inference.embed_question"):
            embedded = await self._embedded(near.text)
        vector = unit(embedded[1]) if embedded else None
        if embedded is None or vector is None:
            return None
        # Vectors of two versions say nothing of each other.
        group = fingerprint((near.group, embedded[0].encode()))
        found = self._index.find(group, vector)
        if found is None or found[1] < near.threshold:
            return Question(group, vector)
        self._index.used(found[0])
        return Question(group, vector, *found)

    def remember(self, question: Question, place: Place) -> None:
        self._index.put(question.group, question.vector, place)

    def forget(self, place: Place) -> None:
        self._index.forget(place)

    def purge(self, digest: str, tenant: str) -> None:
        self._index.purge(digest, tenant)

    async def _embedded(self, text: str) -> tuple[str, Sequence[float]] | None:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await self._embed(text)
        except InvalidArgument:  # longer than the version can take: it is compared whole, or not at all
            return None
        except (ColonnadeError, TimeoutError) as error:
            self._not_before = self._clock() + _PAUSE_SECONDS
            _LOG.warning("question not embedded; it is answered without", reason=type(error).__name__)
            return None
