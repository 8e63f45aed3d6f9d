"""How much of a text stood in it before: lines, paragraphs, and n words in a row (Gopher, table A1).

Shares of characters are of those in parts, without the white space between them. For n-grams a character
counts once, however many repeated n-grams it is in; the first occurrence is no repetition.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Repetition:
    """Of parts that are compared whole."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = parts

    @cached_property
    def _again(self) -> tuple[int, int]:
        """Parts that stood before, and their characters."""
        seen: set[str] = set()
        count = characters = 0
        for part in self.parts:
            if part in seen:
                count, characters = count + 1, characters + len(part)
            seen.add(part)
        return count, characters

    @property
    def repeated(self) -> float:
        return self._again[0] / max(1, len(self.parts))

    @property
    def repeated_characters(self) -> float:
        return self._again[1] / max(1, sum(map(len, self.parts)))


class NGrams:
    """Words in a row, compared by a 64-bit hash of their numbers."""

    def __init__(self, words: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        ids = [numbers.setdefault(word, len(numbers)) for word in words]
        self._ids_W = np.array(ids, np.uint64) + np.uint64(1)
        self._lengths_W = np.fromiter(map(len, words), np.int64, len(words))
        self._unique = len(words) + 1
        """From so many words on each n-gram is known to be there once."""
        self._total = max(1, int(self._lengths_W.sum()))

    def top(self, n: int) -> float:
        """Share of characters in the n-gram that fills most of the text, of those that occur more than
        once."""
        if not self._repeats(n):
            return 0.0
        _, first_U, counts_U = np.unique(self._hashes(n), return_index=True, return_counts=True)
        filled_U = np.where(counts_U > 1, counts_U * self._spans(n)[first_U], 0)
        return float(filled_U.max()) / self._total

    def repeated(self, n: int) -> float:
        """Share of characters in n-grams that stood before."""
        if not self._repeats(n):
            return 0.0
        _, first_U, inverse_G = np.unique(self._hashes(n), return_index=True, return_inverse=True)
        again_G = np.flatnonzero(first_U[inverse_G] != np.arange(inverse_G.size))
        covered_W = np.zeros(len(self._ids_W) + 1, np.int64)
        np.add.at(covered_W, again_G, 1)
        np.add.at(covered_W, again_G + n, -1)
        return float(self._lengths_W[np.cumsum(covered_W[:-1]) > 0].sum()) / self._total

    def _repeats(self, n: int) -> bool:
        """Whether any occurs twice. Where none of n words does, none of more does."""
        if n >= self._unique or len(self._ids_W) <= n:
            return False
        hashed_G = np.sort(self._hashes(n))
        if not (hashed_G[1:] == hashed_G[:-1]).any():
            self._unique = n
            return False
        return True

    def _hashes(self, n: int) -> npt.NDArray[np.uint64]:
        count = len(self._ids_W) - n + 1
        hashed_G: npt.NDArray[Any] = np.zeros(count, np.uint64)
        for offset in range(n):
            hashed_G = (hashed_G ^ self._ids_W[offset : offset + count]) * _FACTOR
            hashed_G ^= hashed_G >> np.uint64(29)
        return hashed_G

    def _spans(self, n: int) -> npt.NDArray[np.int64]:
        """Characters of the n-gram that begins at each word."""
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._lengths_W)])
        spans: npt.NDArray[np.int64] = ends[n:] - ends[:-n]
        return spans
