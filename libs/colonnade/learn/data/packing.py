"""Rows of equal length, cut from one source of a token set in one of two ways, and the order they come in.

``StreamRows`` cuts the documents, laid end to end, every T tokens: nothing is padded, documents are cut.
``DocumentRows`` (``documents.py``) keeps documents whole where they fit.
"""

from functools import lru_cache
from typing import Protocol

from colonnade.learn.data.batches import Sample
from colonnade.learn.data.permutation import Permutation, key_of
from colonnade.learn.data.token_set import TokenRow


class Rows(Protocol):
    """One source's rows, each of T + 1 tokens: T inputs and, one further, T targets."""

    @property
    def count(self) -> int: ...

    def row(self, number: int) -> Sample:
        """Row ``number`` in the order on the disk."""
        ...

    def draw(self, index: int) -> Sample:
        """The ``index``-th row that is drawn: every row once in each epoch of ``count`` draws."""
        ...


class StreamRows:
    """Row i has the tokens [iT, iT + T]: each token but the source's first is a target once an epoch. Fewer
    than T tokens at the source's end are left over."""

    def __init__(self, held: TokenRow, length: int, key: int) -> None:
        self._held, self._length = held, length
        self.count = max(0, held.tokens - 1) // length
        self._order = lru_cache(4)(lambda epoch: Permutation(self.count, key_of(key, epoch)))

    def row(self, number: int) -> Sample:
        return Sample.whole(self._held.read(number * self._length, self._length + 1))

    def draw(self, index: int) -> Sample:
        epoch, place = divmod(index, self.count)
        return self.row(self._order(epoch)(place))
