"""What is looked for, and why it was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.memory.domain.memories import Kind, Memory

FUSION_K = 60
"""Of reciprocal-rank fusion (Cormack, Clarke and Buettcher 2009)."""
FADED = 0.9
"""What is left of the score of a memory that has nearly faded. One rank is 1.6 % at the top of a list."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is empty is not asked for."""

    kinds: frozenset[Kind] = frozenset()
    session: str = ""
    documents: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    own: bool = False
    """Without what the tenant shares."""


@dataclass(frozen=True, slots=True)
class ByWords:
    """A memory that has some of a question's words."""

    id: str
    bm25: float
    """Higher is better."""
    words: tuple[str, ...]
    """Of the question, that it has."""


@dataclass(frozen=True, slots=True)
class Near:
    """A memory whose vector is near a question's."""

    id: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Why:
    """Ranks count from 1; 0: not found that way."""

    word_rank: int = 0
    bm25: float = 0.0
    words: tuple[str, ...] = ()
    vector_rank: int = 0
    cosine: float = 0.0
    strength: float = 0.0
    reranked: float | None = None
    """Mean log-likelihood of the question after it, in nats a token."""


@dataclass(frozen=True, slots=True)
class Hit:
    memory: Memory
    score: float
    why: Why


@dataclass(frozen=True, slots=True)
class Found:
    hits: tuple[Hit, ...]
    without: tuple[str, ...] = field(default=())
    """What was to take part and could not: vectors, rerank."""


def fused(
    words: Sequence[ByWords], vectors: Sequence[Near], memories: Mapping[str, Memory], now: datetime
) -> list[Hit]:
    """Best first: the reciprocal ranks in both lists added up, times what the memory's strength leaves of it,
    from ``FADED`` to 1. What is no longer in ``memories`` is left out."""
    by_words = {each.id: (rank, each) for rank, each in enumerate(words, 1)}
    by_vector = {each.id: (rank, each) for rank, each in enumerate(vectors, 1)}
    hits = []
    for id_ in dict.fromkeys((*by_words, *by_vector)):
        if (memory := memories.get(id_)) is None:
            continue
        strength = memory.strength(now)
        rank, found = by_words.get(id_, (0, ByWords(id_, 0.0, ())))
        place, near = by_vector.get(id_, (0, Near(id_, 0.0)))
        ranks = sum(1 / (FUSION_K + each) for each in (rank, place) if each)
        score = ranks * (FADED + (1 - FADED) * strength)
        hits.append(Hit(memory, score, Why(rank, found.bm25, found.words, place, near.cosine, strength)))
    return sorted(hits, key=lambda hit: (-hit.score, hit.memory.id))
