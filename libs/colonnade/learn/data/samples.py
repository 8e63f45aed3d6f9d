"""Rows of different lengths: documents of a token set, or what was made of conversations."""

import hashlib
from array import array
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from colonnade.learn.data.batches import Sample, Tokens
from colonnade.learn.data.token_set import TokenRow


class Samples(Protocol):
    @property
    def places(self) -> Tokens:
        """How many inputs each sample has."""
        ...

    def sample(self, number: int) -> Sample: ...


class DocumentSamples:
    """A source's documents, each a sample in which all is learnt."""

    def __init__(self, held: TokenRow) -> None:
        self._held = held
        self.places: Tokens = np.maximum(held.lengths(0, held.documents) - 1, 0)

    def sample(self, number: int) -> Sample:
        return Sample.whole(self._held.document(number))


class HeldSamples:
    """Samples in memory, five bytes a token: sets for fine-tuning are small."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        tokens, learnt, ends = array("I"), bytearray(), array("q", [0])
        for sample in samples:
            tokens.frombytes(sample.tokens.astype(np.uint32).tobytes())
            learnt += sample.learnt.tobytes()
            ends.append(len(tokens))
        self._tokens = np.frombuffer(tokens, np.uint32)
        self._learnt = np.frombuffer(learnt, np.bool_)
        self._ends = np.array(ends, np.int64)
        self.places: Tokens = np.maximum(np.diff(self._ends) - 1, 0)

    def feed(self, digest: "hashlib._Hash") -> None:
        """All of it, to be hashed."""
        for part in (self._ends, self._tokens, self._learnt):
            digest.update(part.tobytes())

    def sample(self, number: int) -> Sample:
        part = slice(self._ends[number], self._ends[number + 1])
        return Sample(self._tokens[part].astype(np.int64), self._learnt[part])
