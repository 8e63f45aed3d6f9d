"""Writing a source's shards: bytes that depend on the documents alone, and that a kill does not spoil.

A shard grows as ``00003.tokens.partial`` and ``00003.ends.partial`` and gets its names when it is full.
``sync`` puts what was written on the disk and says how far that is; a writer that is started ``at`` such a
position cuts off what lies behind it and goes on as if it had never stopped.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from colonnade.errors import InvalidArgument
from colonnade.learn.data.card import ENDS, Damaged, Shard, SourceCard, sha256_of, width_of
from colonnade.storage.disk import full_disk_named, sync_folder

TOKENS, ENDINGS, PARTIAL = ".tokens", ".ends", ".partial"
SHARD_TOKENS = 1 << 26
_NAME = re.compile(r"(\d{5,})\.(tokens|ends)(\.partial)?")


@dataclass(frozen=True, slots=True)
class Position:
    """How far a writer has come: whole shards before ``shard``, and so much of that one."""

    shard: int = 0
    documents: int = 0
    tokens: int = 0


class ShardWriter:
    """One thread's. What was written is kept when it is left early, but only ``close`` makes it whole."""

    def __init__(
        self, folder: Path, *, vocabulary: int, end_of_text: int,
        shard_tokens: int = SHARD_TOKENS, at: Position | None = None,
    ) -> None:  # fmt: skip
        """``at`` is what ``sync`` said (default: the very beginning). What lies behind it is removed; raises
        ``Damaged`` where less than that is there."""
        self._folder, self._vocabulary, self._end = folder, vocabulary, end_of_text
        self._width, self._limit = width_of(vocabulary), shard_tokens
        self._at = at or Position()
        self._finished: list[Shard | None] = [None] * self._at.shard
        folder.mkdir(parents=True, exist_ok=True)
        self._clear_behind()
        self._open: list[_Grown] = []
        self._begin(self._at.tokens * self._width.itemsize, self._at.documents * ENDS.itemsize)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for grown in self._open:
            grown.file.close()

    @property
    def position(self) -> Position:
        """How far it has come, on the disk or not."""
        return self._at

    def append(self, document: Sequence[int] | npt.NDArray[Any]) -> None:
        """One document's token ids, without ``end_of_text``, which is added."""
        ids = np.asarray(document, dtype=np.int64)
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < self._vocabulary:
            raise InvalidArgument(
                f"a token id is outside the vocabulary of {self._vocabulary}",
                field="document", limit=self._vocabulary,
            )  # fmt: skip
        size = ids.size + 1
        if self._at.documents and self._at.tokens + size > self._limit:
            self._roll()
        end = self._at.tokens + size
        with full_disk_named("the token set's", "free some space"):
            tokens, ends = self._open
            tokens.write(np.append(ids, self._end).astype(self._width).tobytes())
            ends.write(np.array([end], ENDS).tobytes())
        self._at = Position(self._at.shard, self._at.documents + 1, end)

    def sync(self) -> Position:
        """Puts everything appended so far on the disk, and says where that ends."""
        with full_disk_named("the token set's", "free some space"):
            for grown in self._open:
                grown.sync()
            sync_folder(self._folder)
        return self._at

    def close(self) -> SourceCard:
        """Finishes the last shard. Those that an earlier process wrote are read again for their digests."""
        if self._at.documents:
            self._finish()
        for grown in self._open:
            grown.file.close()
            grown.path.unlink(missing_ok=True)  # that of a shard without documents
        self._open = []
        return SourceCard(tuple(shard or self._reread(i) for i, shard in enumerate(self._finished)))

    def _roll(self) -> None:
        self._finish()
        self._at = Position(self._at.shard + 1)
        self._begin(0, 0)

    def _begin(self, tokens_bytes: int, ends_bytes: int) -> None:
        self._open = [
            _Grown(self._path(TOKENS + PARTIAL), tokens_bytes),
            _Grown(self._path(ENDINGS + PARTIAL), ends_bytes),
        ]

    def _finish(self) -> None:
        """Its names say that a shard is whole, so they come last."""
        self.sync()
        digests = []
        for grown in self._open:
            grown.file.close()
            grown.path.rename(grown.path.with_suffix(""))
            digests.append(f"sha256:{grown.hasher.hexdigest()}")
        sync_folder(self._folder)
        self._open = []
        self._finished.append(Shard(self._at.documents, self._at.tokens, *digests))

    def _clear_behind(self) -> None:
        for path in sorted(self._folder.iterdir()):
            if not (ours := _NAME.fullmatch(path.name)):
                continue
            number = int(ours[1])
            if number > self._at.shard:
                path.unlink()
            elif number == self._at.shard and not ours[3]:
                # It was finished after the position was told.
                path.rename(path.with_name(path.name + PARTIAL))
        for number in range(self._at.shard):
            for suffix in (TOKENS, ENDINGS):
                if not self._path(suffix, number).is_file():
                    raise Damaged(self._path(suffix, number).name, "is missing")

    def _reread(self, number: int) -> Shard:
        tokens, ends = self._path(TOKENS, number), self._path(ENDINGS, number)
        return Shard(
            documents=ends.stat().st_size // ENDS.itemsize,
            tokens=tokens.stat().st_size // self._width.itemsize,
            tokens_digest=sha256_of(tokens),
            ends_digest=sha256_of(ends),
        )

    def _path(self, suffix: str, number: int | None = None) -> Path:
        return self._folder / f"{self._at.shard if number is None else number:05}{suffix}"


class _Grown:
    """A file that is added to, and its digest."""

    def __init__(self, path: Path, size: int) -> None:
        """Keeps the first ``size`` bytes of what is there."""
        self.path, self.hasher = path, hashlib.sha256()
        self.file: BinaryIO = path.open("a+b")
        if self.file.seek(0, os.SEEK_END) < size:
            self.file.close()
            raise Damaged(path.name, "is shorter than the journal says")
        self.file.truncate(size)
        self.file.seek(0)
        while chunk := self.file.read(1 << 20):
            self.hasher.update(chunk)

    def write(self, content: bytes) -> None:
        self.file.write(content)
        self.hasher.update(content)

    def sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
