"""What backups need of the world."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from colonnade.registry.backups.listing import Table


@dataclass(frozen=True, slots=True)
class Records:
    """All that the database says at one moment: a file of rows a table, and the blobs that it names."""

    at: datetime
    schema: str
    tables: tuple[Table, ...]
    blobs: frozenset[str]
    """Of versions."""
    uploads: frozenset[str]
    """Of drafts: one that is gone is uploaded again."""


class RecordDump(Protocol):
    async def dump(self, folder: Path) -> Records:
        """``<table>.jsonl.gz`` for each table of the records."""
        ...


class RecordLoad(Protocol):
    """An empty database that is filled."""

    async def begin(self, backup: str, schema: str) -> None:
        """Says so in the database. ``Conflict`` where it has records, ``Unsupported`` for a newer schema."""
        ...

    async def load(self, backup: str, tables: Sequence[Table], folder: Path) -> str:
        """All rows in one transaction, brought to the schema of this release, which is returned."""
        ...


class Place(Protocol):
    """Where backups are: names with slashes, each whole or not there."""

    async def write(self, name: str, content: bytes) -> None: ...

    async def read(self, name: str) -> bytes:
        """``NotFound`` if there is none."""
        ...

    async def names(self, below: str) -> Sequence[str]:
        """All, at any depth, below a name."""
        ...

    async def delete(self, name: str) -> None: ...
