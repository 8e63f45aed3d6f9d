"""How far a preparation has come, on the disk: after a kill it goes on from here.

One SQLite database holds it, with the index of documents that were kept, and both change in one transaction,
made after the shards' bytes are on the disk. So what the journal says is there, and what lies behind it is
cut off.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.learn.data.card import Shard, SourceCard
from colonnade.learn.data.shards import Position
from colonnade.learn.data.sources import Place

FOLDER = "journal"
_DATABASE = "progress.sqlite3"


@dataclass(slots=True)
class Tally:
    """Of one source, both splits together."""

    documents: int = 0
    bytes: int = 0
    """Of normalised text that was kept, in UTF-8."""
    mended: int = 0
    contaminated: int = 0
    """Training documents that nearly equal one of validation and were kept."""
    dropped: dict[str, int] = field(default_factory=dict)
    text_digest: str = ""
    """Of all its documents' digests in their order: what was read, to the letter."""

    def drop(self, reason: str) -> None:
        self.documents += 1
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


@dataclass(slots=True)
class Cursor:
    """The next document, and where its tokens go."""

    split: str
    source: str
    place: Place = field(default_factory=Place)
    consumed: int = 0
    """Stored bytes of the source before it."""
    position: Position = field(default_factory=Position)


@dataclass(slots=True)
class State:
    cursor: Cursor | None = None
    tallies: dict[str, Tally] = field(default_factory=dict)
    done: dict[str, dict[str, SourceCard]] = field(default_factory=dict)
    """By split and source."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> "State":
        raw = json.loads(text)
        return cls(
            _cursor(raw["cursor"]),
            {name: Tally(**said) for name, said in raw["tallies"].items()},
            {
                split: {name: _card(said) for name, said in sources.items()}
                for split, sources in raw["done"].items()
            },
        )


def _cursor(raw: Mapping[str, Any] | None) -> Cursor | None:
    if raw is None:
        return None
    place, position = Place(*raw["place"]), Position(**raw["position"])
    return Cursor(raw["split"], raw["source"], place, raw["consumed"], position)


def _card(raw: Mapping[str, Any]) -> SourceCard:
    return SourceCard(tuple(Shard(**shard) for shard in raw["shards"]))


class Journal:
    """Of one folder, by one process at a time."""

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        self._folder = folder / FOLDER
        self._folder.mkdir(exist_ok=True)
        with disk_named():
            self.database = sqlite3.connect(self._folder / _DATABASE, isolation_level=None)
            self.database.execute("PRAGMA journal_mode = WAL")
            self.database.execute("PRAGMA synchronous = NORMAL")
            self.database.execute(f"PRAGMA cache_size = -{memory_bytes >> 10}")
            self.database.execute(
                "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
            )

    @property
    def inputs(self) -> Mapping[str, Any] | None:
        """What the preparation was begun with, if it was."""
        said = self._fact("inputs")
        return None if said is None else dict(json.loads(said))

    def begin(self, inputs: Mapping[str, Any]) -> None:
        with self.transaction():
            self._tell("inputs", json.dumps(inputs))

    @property
    def state(self) -> State:
        said = self._fact("state")
        return State() if said is None else State.of_json(said)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, also where the process is killed."""
        with disk_named():
            self.database.execute("BEGIN")
            try:
                yield
            except BaseException:
                if self.database.in_transaction:  # a full disk has ended it already
                    self.database.execute("ROLLBACK")
                raise
            self.database.execute("COMMIT")

    def save(self, state: State) -> None:
        """Within a transaction."""
        self._tell("state", state.to_json())

    def close(self) -> None:
        self.database.close()

    def _fact(self, name: str) -> str | None:
        row = self.database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _tell(self, name: str, value: str) -> None:
        self.database.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))


def remove_journal(folder: Path) -> None:
    """Once there is a card, nobody needs it."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


@contextmanager
def disk_named() -> Iterator[None]:
    """What the library says of a full disk, or of a damaged file, becomes a refusal."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise Unavailable(
                "the token set's disk is full; free some space and start again: what was prepared stays"
            ) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise InvalidArgument(
                "the journal of the token set is damaged; remove the folder and prepare it again", field="out"
            ) from error
        raise
