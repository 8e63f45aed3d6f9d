"""Shortens texts to their own most central sentences: nothing is said that they do not say.

A sentence is central as far as it is near the mean of all (Radev et al. 2004); one that says what a chosen
one says already counts less, or not at all (maximal marginal relevance, Carbonell and Goldstein 1998)."""

import asyncio
import re
from collections.abc import Sequence
from operator import mul

from colonnade.memory.ports import Embedder, Vector

_SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+|\s*\n+\s*")
_MOST_SENTENCES = 512
_CENTRALITY = 0.7
"""What centrality weighs; what is left, repetition weighs."""
_REPEATS = 0.8
"""The cosine from which a sentence says the same as another."""


class CentralSentences:
    """Implements ``ports.Writer``."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def shorten(self, texts: Sequence[str], characters: int) -> str:
        """Raises what the embedder raises."""
        sentences = _thinned([each for text in texts for each in sentences_of(text)])
        whole = " ".join(sentences)
        if len(sentences) < 2:
            return cut(whole, characters)
        vectors = (await self._embedder.embed(sentences)).vectors
        chosen = await asyncio.to_thread(chosen_of, sentences, vectors, characters)
        if not chosen:
            longest = max(sentences, key=len)
            return cut(longest, characters)
        return " ".join(sentences[place] for place in chosen)


def sentences_of(text: str) -> list[str]:
    return [stripped for each in _SENTENCE.split(text) if (stripped := each.strip())]


def chosen_of(sentences: Sequence[str], vectors: Sequence[Vector], characters: int) -> list[int]:
    """The places of the sentences that are kept, in their order; of equals the earlier one."""
    mean = [sum(column) / len(vectors) for column in zip(*vectors, strict=True)]
    central = [_dot(vector, mean) for vector in vectors]
    nearest = [-1.0] * len(sentences)
    chosen: list[int] = []
    left, room = set(range(len(sentences))), characters
    while fitting := [place for place in left if len(sentences[place]) <= room and nearest[place] < _REPEATS]:
        best = max(fitting, key=lambda place: (_worth(central[place], nearest[place]), -place))
        chosen.append(best)
        left.discard(best)
        room -= len(sentences[best]) + 1
        for place in left:
            nearest[place] = max(nearest[place], _dot(vectors[place], vectors[best]))
    return sorted(chosen)


def cut(text: str, characters: int) -> str:
    """Its beginning, up to the end of a word, if one ends in its second half."""
    if len(text) <= characters:
        return text
    head = text[:characters]
    end = head.rfind(" ", characters // 2)
    return head[: end if end > 0 else characters].rstrip()


def _worth(centrality: float, repetition: float) -> float:
    return _CENTRALITY * centrality - (1 - _CENTRALITY) * max(0.0, repetition)


def _thinned(sentences: Sequence[str]) -> list[str]:
    """Evenly, where there are more than can be compared."""
    if len(sentences) <= _MOST_SENTENCES:
        return list(sentences)
    return [sentences[place * len(sentences) // _MOST_SENTENCES] for place in range(_MOST_SENTENCES)]


def _dot(one: Vector, other: Vector) -> float:
    return sum(map(mul, one, other), 0.0)
