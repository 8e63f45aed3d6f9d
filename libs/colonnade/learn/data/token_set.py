"""Reading a token set: any stretch of tokens, any document, in memory that does not grow with the set.

Files are read through the page cache and not mapped: pages of a map count as the process's own memory, and a
mapped file that gets shorter ends the process with a signal where a read raises ``Damaged``.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from colonnade.errors import InvalidArgument, NotFound
from colonnade.learn.data.card import ENDS, TOKENIZER, Card, Damaged, SourceCard, sha256_of, width_of
from colonnade.learn.data.shards import ENDINGS, TOKENS

Tokens = npt.NDArray[np.int64]
_MOST = 1 << 26
"""Entries of one read; the system gives no more than two gigabytes at a time."""


class TokenRow:
    """One source of one split: all its documents as one row of tokens. Safe to share between threads."""

    def __init__(self, folder: Path, card: SourceCard, width: "np.dtype[Any]") -> None:
        self._folder, self._card, self._width = folder, card, width
        self._starts = list(accumulate((shard.tokens for shard in card.shards), initial=0))
        self._firsts = list(accumulate((shard.documents for shard in card.shards), initial=0))
        self.tokens, self.documents = card.tokens, card.documents

    def read(self, start: int, count: int) -> Tokens:
        """The tokens [start, start + count), across documents and shards."""
        _within(start, count, self.tokens, "tokens")
        found = [
            self._stretch(shard, TOKENS, self._width, at, size)
            for shard, at, size in _parts(self._starts, start, count)
        ]
        return found[0] if len(found) == 1 else np.concatenate([np.empty(0, np.int64), *found])

    def document(self, number: int) -> Tokens:
        """One document with its ``end_of_text``."""
        start, end = self.bounds(number, 1)
        return self.read(int(start), int(end - start))

    def lengths(self, first: int, count: int) -> Tokens:
        """How many tokens the documents [first, first + count) have, each with its ``end_of_text``."""
        return np.diff(self.bounds(first, count))

    def bounds(self, first: int, count: int) -> Tokens:
        """Where those documents begin in the row, and where the last one ends: ``count`` + 1 positions."""
        _within(first, count, self.documents, "documents")
        known = max(0, first - 1)  # a document begins where the one before it ends
        ends = [
            start + self._stretch(shard, ENDINGS, ENDS, at, size)
            for shard, at, size in _parts(self._firsts, known, first + count - known)
            for start in (self._starts[shard],)
        ]
        return np.concatenate([np.zeros(int(first == 0), np.int64), *ends])

    def check(self, *, verify: bool) -> None:
        """The size of every file, and with ``verify`` its digest. Raises ``Damaged``."""
        for number, shard in enumerate(self._card.shards):
            for suffix, size, digest in (
                (TOKENS, shard.tokens * self._width.itemsize, shard.tokens_digest),
                (ENDINGS, shard.documents * ENDS.itemsize, shard.ends_digest),
            ):
                path = Path(self._path(number, suffix))
                if not path.is_file():
                    raise Damaged(_named(path), "is missing")
                if (found := path.stat().st_size) != size:
                    raise Damaged(_named(path), f"has {found} bytes, the card says {size}")
                if verify and sha256_of(path) != digest:
                    raise Damaged(_named(path), "has another sha256 than the card says")

    def _stretch(self, shard: int, suffix: str, width: "np.dtype[Any]", at: int, count: int) -> Tokens:
        """Entries [at, at + count) of one file, which is open for no longer: there may be very many."""
        path, wanted = self._path(shard, suffix), count * width.itemsize
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise Damaged(_named(path), "is missing") from None
        try:
            content = os.pread(file, wanted, at * width.itemsize)
        finally:
            os.close(file)
        if len(content) != wanted:
            raise Damaged(_named(path), "became shorter while it was read")
        return np.frombuffer(content, width).astype(np.int64)

    def _path(self, number: int, suffix: str) -> str:
        return f"{self._folder}/{number:05}{suffix}"


@dataclass(frozen=True, slots=True)
class TokenSet:
    """A folder that ``Card`` describes, ready to be read."""

    folder: Path
    card: Card
    splits: Mapping[str, Mapping[str, TokenRow]]

    @classmethod
    def open(cls, folder: Path, *, verify: bool = False) -> "TokenSet":
        """Checks the sizes of all files, and with ``verify`` their digests. Raises ``NotFound`` where there
        is no token set, ``Damaged`` where it is not what its card says."""
        card = Card.read(folder)
        width = width_of(card.vocabulary)
        splits = {
            split: {name: TokenRow(folder / split / name, source, width) for name, source in sources.items()}
            for split, sources in card.splits.items()
        }
        opened = cls(folder, card, splits)
        if not opened.tokenizer.is_file() or sha256_of(opened.tokenizer) != card.tokenizer:
            raise Damaged(TOKENIZER, "is missing or has another sha256 than the card says")
        for row in opened._rows():
            row.check(verify=verify)
        return opened

    @property
    def tokenizer(self) -> Path:
        return self.folder / TOKENIZER

    def rows(self, split: str) -> Mapping[str, TokenRow]:
        """The sources of a split. Raises ``NotFound``."""
        if split not in self.splits:
            raise NotFound(f"the token set has no split {split!r}; it has {', '.join(self.splits) or 'none'}")
        return self.splits[split]

    def _rows(self) -> Iterator[TokenRow]:
        for sources in self.splits.values():
            yield from sources.values()


def _within(start: int, count: int, limit: int, what: str) -> None:
    if start < 0 or count < 0 or start + count > limit:
        raise InvalidArgument(f"{what} [{start}, {start + count}) asked for, there are {limit}", limit=limit)


def _parts(firsts: Sequence[int], start: int, count: int) -> Iterator[tuple[int, int, int]]:
    """The entries [start, start + count) by shard: (shard, first entry of it, how many, within one read)."""
    shard = bisect_right(firsts, start) - 1
    while count:
        size = min(count, firsts[shard + 1] - start, _MOST)
        yield shard, start - firsts[shard], size
        start, count = start + size, count - size
        shard += start == firsts[shard + 1]


def _named(path: str | Path) -> str:
    """Split, source and file: enough to find it, and no path of this machine."""
    return "/".join(str(path).split("/")[-3:])
