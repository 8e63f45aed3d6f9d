"""Which kept document a text nearly equals: bands of signatures (locality-sensitive hashing) in an SQLite
table.

A signature is cut into bands so that two documents at the threshold share one about as often as not
(Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3; datasketch says into how many). Who shares
a band is a candidate, and the whole signatures decide. datasketch's own tables lie in memory or on a server;
here they grow on the disk, ``memory_bytes`` of them are cached, and they are written in one transaction with
what is told of the progress. Only documents that were kept are found, the oldest first, so the order of
documents alone decides.
"""

import hashlib
import sqlite3
from functools import cached_property

from datasketch import MinHashLSH

from colonnade.learn.data.duplicates.signatures import similarity
from colonnade.learn.data.rule_settings import DuplicateSettings

_CANDIDATES = 32
"""A band: more that share one are text that stands everywhere, and differ elsewhere."""


class Index:
    """Of one kind of documents (training, validation), in a database that others commit."""

    def __init__(self, database: sqlite3.Connection, kind: str, settings: DuplicateSettings) -> None:
        self._database, self._kind, self._settings = database, kind, settings
        database.execute(
            "CREATE TABLE IF NOT EXISTS bands"
            " (key INTEGER NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (key, document)) WITHOUT ROWID"
        )
        database.execute(
            "CREATE TABLE IF NOT EXISTS signatures (document INTEGER PRIMARY KEY, signature BLOB NOT NULL)"
        )

    def find(self, signature: bytes) -> int | None:
        """The oldest document that the signed text nearly equals."""
        candidates: set[int] = set()
        for key in self._keys(signature):
            candidates.update(
                document
                for (document,) in self._database.execute(
                    "SELECT document FROM bands WHERE key = ? ORDER BY document LIMIT ?", (key, _CANDIDATES)
                )
            )
        return next((one for one in sorted(candidates) if self._equals(one, signature)), None)

    def add(self, signature: bytes) -> int:
        """The number that the document has from now on."""
        document = self._database.execute(
            "INSERT INTO signatures (signature) VALUES (?)", (signature,)
        ).lastrowid
        assert document is not None
        self._database.executemany(
            "INSERT OR IGNORE INTO bands (key, document) VALUES (?, ?)",
            [(key, document) for key in self._keys(signature)],
        )
        return document

    def _equals(self, document: int, signature: bytes) -> bool:
        (other,) = self._database.execute(
            "SELECT signature FROM signatures WHERE document = ?", (document,)
        ).fetchone()
        if self._settings.kind == "exact":
            return bool(signature == other)
        return similarity(signature, other) >= self._settings.threshold

    @cached_property
    def _bands(self) -> tuple[int, int]:
        """How many, and how many bytes each."""
        if self._settings.kind == "exact":
            return 1, hashlib.sha256().digest_size
        found = MinHashLSH(threshold=self._settings.threshold, num_perm=self._settings.permutations)
        return found.b, 4 * found.r

    def _keys(self, signature: bytes) -> list[int]:
        bands, width = self._bands
        return [
            _key(f"{self._kind} {band}".encode(), signature[band * width : (band + 1) * width])
            for band in range(bands)
        ]


def _key(place: bytes, content: bytes) -> int:
    digest = hashlib.blake2b(content, digest_size=8, person=place[:16]).digest()
    return int.from_bytes(digest, "big", signed=True)
