"""Guessing from the text itself: what followed the last time these tokens stood there.

Answers repeat their prompts: names, code, quotations, tables. The index is the match finder of LZ77 (Ziv and
Lempel 1977) with hash chains, as in Deflate (RFC 1951, section 4): the last ``SHORTEST`` tokens lead to the
latest place where they stood, from there a chain leads to earlier ones, and the longest match wins. The use
for decoding is prompt lookup (Saxena 2023).
"""

from array import array
from collections.abc import Sequence

SHORTEST = 3
"""Tokens that must match for a guess. Two match by chance too often to be worth a row of the forward."""
LONGEST = 12
"""A longer match is no better."""
CANDIDATES = 16
"""Places looked at for one guess, the latest first."""
MAX_POSITIONS = 1 << 16
"""Of one sequence; what comes later is not indexed. About 120 bytes each at most."""


class Lookup:
    """The index of one sequence. Its tokens may grow, never change."""

    def __init__(self, candidates: int = CANDIDATES, positions: int = MAX_POSITIONS) -> None:
        self._candidates, self._positions = candidates, positions
        self._latest: dict[tuple[int, ...], int] = {}
        """From a gram to the position after its latest occurrence."""
        self._earlier = array("i")
        """From a position after a gram to the one before it in the chain, or -1."""

    def __len__(self) -> int:
        """Positions indexed."""
        return len(self._earlier)

    def guess(self, tokens: Sequence[int], count: int) -> list[int]:
        """At most ``count`` tokens that may follow ``tokens``; none where nothing matches."""
        self._extend(tokens)
        source = self._source(tokens)
        if source is None:
            return []
        guess: list[int] = []
        for place in range(source, source + count):
            # A repetition runs into itself: what it copies next is what it has just guessed.
            guess.append(tokens[place] if place < len(tokens) else guess[place - len(tokens)])
        return guess

    def _extend(self, tokens: Sequence[int]) -> None:
        """Indexes what is new, except for the end, which would only find itself."""
        for after in range(len(self._earlier), min(len(tokens), self._positions)):
            if after < SHORTEST:
                self._earlier.append(-1)
                continue
            gram = tuple(tokens[after - SHORTEST : after])
            self._earlier.append(self._latest.get(gram, -1))
            self._latest[gram] = after

    def _source(self, tokens: Sequence[int]) -> int | None:
        """Where to copy from: after the longest match of the end, the latest if several are that long."""
        best, longest = None, SHORTEST - 1
        place = self._latest.get(tuple(tokens[-SHORTEST:]), -1)
        for _ in range(self._candidates):
            if place < 0 or longest == LONGEST:
                break
            length = _matching(tokens, place)
            if length > longest:
                best, longest = place, length
            place = self._earlier[place]
        return best


def _matching(tokens: Sequence[int], place: int) -> int:
    """How many tokens before ``place`` equal those at the end, ``LONGEST`` at most."""
    most = min(place, LONGEST)
    return next((back for back in range(most) if tokens[place - 1 - back] != tokens[-1 - back]), most)
