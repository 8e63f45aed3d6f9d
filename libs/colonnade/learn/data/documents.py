"""Whole documents packed into rows of T inputs, best fit first, a window of neighbouring documents at a time.

A row begins with ``end_of_text``, as a prompt does, so every document follows one: its row's or that of the
document before it. A document of more than T tokens is cut into pieces; each piece after the first repeats
the last token of the piece before, which is not learnt again. Every token of every document is a target
exactly once an epoch. What is left of a row is padded, and padding is no target. Best fit decreasing, as in
Ding et al., "Fewer Truncations Improve Language Modeling", 2024 (arXiv:2404.10830).
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from colonnade.errors import InvalidArgument
from colonnade.learn.data.batches import Sample, Tokens
from colonnade.learn.data.permutation import key_of, shuffled
from colonnade.learn.data.token_set import TokenRow

_GROUP = 16
"""Windows whose rows come mixed with each other: their plans are all that is held in memory."""


class Piece(NamedTuple):
    """The tokens [start, start + size) of a source, all of one document."""

    start: int
    size: int
    repeats: bool
    """Its first token was learnt in another piece."""


def pieces_of(start: int, size: int, room: int) -> list[Piece]:
    """A document cut into pieces of at most ``room`` tokens; ``room`` is 2 or more."""
    done = min(size, room)
    pieces = [Piece(start, done, repeats=False)]
    while done < size:
        fresh = min(size - done, room - 1)
        pieces.append(Piece(start + done - 1, fresh + 1, repeats=True))
        done += fresh
    return pieces


def best_fit(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Which of ``sizes`` share a bin of ``room``: the largest first, each where it leaves the least room."""
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (room left, bin), sorted
    for number in sorted(range(len(sizes)), key=lambda number: (-sizes[number], number)):
        at = bisect_left(free, (sizes[number], 0))
        if at == len(free):
            free.append((room, len(bins)))
            bins.append([])
        left, chosen = free.pop(at)
        bins[chosen].append(number)
        if left > sizes[number]:
            insort(free, (left - sizes[number], chosen))
    return bins


class DocumentRows:
    """All plans are made once when it is opened, to count the rows (some microseconds a document), and again
    when they are needed: in memory are only the counts, one for each window."""

    def __init__(
        self, held: TokenRow, length: int, key: int, *, end_of_text: int, window: int = 1024
    ) -> None:
        if length < 2:
            raise InvalidArgument("tokens must be 2 or more to pack documents", field="tokens", limit=2)
        self._held, self._length, self._key = held, length, key
        self._end, self._window = end_of_text, window
        windows = -(-held.documents // window)
        counts = [len(self._plan(number)) for number in range(windows)]
        self._firsts = np.cumsum([0, *counts], dtype=np.int64)
        self.count = int(self._firsts[-1])
        self._planned = lru_cache(2 * _GROUP)(self._plan)
        self._groups = lru_cache(4)(self._group_firsts)
        self._mixed = lru_cache(4)(self._mix)

    @property
    def fill(self) -> float:
        """The share of places that are not padding."""
        tokens = sum(
            piece.size
            for number in range(self._firsts.size - 1)
            for row in self._plan(number)
            for piece in row
        )
        return tokens / max(1, self.count * self._length)

    def row(self, number: int) -> Sample:
        window = int(np.searchsorted(self._firsts, number, side="right")) - 1
        return self._assembled(self._planned(window)[number - int(self._firsts[window])])

    def draw(self, index: int) -> Sample:
        """Windows come in an order drawn for each epoch, and the rows of every 16 of them mixed."""
        epoch, place = divmod(index, self.count)
        firsts = self._groups(epoch)
        group = int(np.searchsorted(firsts, place, side="right")) - 1
        return self.row(int(self._mixed(epoch, group)[place - int(firsts[group])]))

    def _plan(self, window: int) -> list[list[Piece]]:
        first = window * self._window
        bounds = self._held.bounds(first, min(self._window, self._held.documents - first)).tolist()
        pieces = [
            piece for start, end in pairwise(bounds) for piece in pieces_of(start, end - start, self._length)
        ]
        rows = best_fit([piece.size for piece in pieces], self._length)
        return [[pieces[number] for number in sorted(row)] for row in rows]

    def _windows(self, epoch: int) -> Tokens:
        return shuffled(self._firsts.size - 1, key_of(self._key, epoch, "windows"))

    def _group_firsts(self, epoch: int) -> Tokens:
        """At which place of the epoch each group of windows begins."""
        counts = np.diff(self._firsts)[self._windows(epoch)]
        return np.concatenate([[0], np.cumsum(np.add.reduceat(counts, np.arange(0, counts.size, _GROUP)))])

    def _mix(self, epoch: int, group: int) -> Tokens:
        """The rows of a group of windows in the order they come in."""
        windows = self._windows(epoch)[group * _GROUP : (group + 1) * _GROUP]
        rows = np.concatenate([np.arange(self._firsts[one], self._firsts[one + 1]) for one in windows])
        return rows[shuffled(rows.size, key_of(self._key, epoch, "rows", group))]

    def _assembled(self, pieces: Sequence[Piece]) -> Sample:
        tokens = np.full(self._length + 1, self._end, np.int64)
        learnt = np.zeros(self._length + 1, np.bool_)
        at = 1
        for piece in pieces:
            tokens[at : at + piece.size] = self._held.read(piece.start, piece.size)
            learnt[at + piece.repeats : at + piece.size] = True
            at += piece.size
        return Sample(tokens, learnt)
