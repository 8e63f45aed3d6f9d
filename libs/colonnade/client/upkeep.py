"""Both clients' ``registry``: files that nothing names, and backups."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from colonnade.client.calls import Request, StreamCall, _given
from colonnade.client.parsing import decoded
from colonnade.client.readers import payload
from colonnade.client.sse import Event
from colonnade.client.streams import AsyncStream, Stream
from colonnade.errors import Unavailable

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


@dataclass(frozen=True, slots=True)
class Collected:
    """How far a collection is; in a dry run, what would be removed."""

    looked_at: int = 0
    removed: int = 0
    removed_bytes: int = 0
    waiting: int = 0
    """Nothing names them, but not for long enough."""
    done: bool = False


@dataclass(frozen=True, slots=True)
class BackedUp:
    """How far a backup is."""

    stage: str
    """``records``, ``blobs``, ``list`` or ``done``."""
    fraction: float = 0.0
    copied: int = 0
    copied_bytes: int = 0
    kept: int = 0
    """Files that an earlier backup had brought."""
    dropped: int = 0
    """Earlier backups that made room."""
    name: str = ""
    digest: str = ""
    """Of the backup's list, in the last one."""
    at: datetime | None = None
    """The moment that it shows."""


class SyncRegistry:
    """Looks after the registry."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def collect(self, *, dry_run: bool = False) -> "Stream[Collected, Collected]":
        """Removes files that nothing names, and nothing has named for the grace period."""
        return Stream(self._client, _collect(dry_run))

    def backup(self, to: str = "", *, keep: int = 0) -> "Stream[BackedUp, BackedUp]":
        """To a name below the registry's backup root; ``keep`` so many of those there, 0: all."""
        return Stream(self._client, _backup(to, keep))


class AsyncRegistry:
    """Looks after the registry."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    def collect(self, *, dry_run: bool = False) -> "AsyncStream[Collected, Collected]":
        """Removes files that nothing names, and nothing has named for the grace period."""
        return AsyncStream(self._client, _collect(dry_run))

    def backup(self, to: str = "", *, keep: int = 0) -> "AsyncStream[BackedUp, BackedUp]":
        """To a name below the registry's backup root; ``keep`` so many of those there, 0: all."""
        return AsyncStream(self._client, _backup(to, keep))


class _CollectReader:
    def __init__(self) -> None:
        self._last: Collected | None = None

    def read(self, event: Event) -> Collected | None:
        body = payload(event)
        if body is None:
            return None
        self._last = decoded(Collected, body)
        return self._last

    def result(self) -> Collected:
        if self._last is None or not self._last.done:
            raise Unavailable("the collection broke off; begin it again")
        return self._last


class _BackupReader:
    def __init__(self) -> None:
        self._last: BackedUp | None = None

    def read(self, event: Event) -> BackedUp | None:
        body = payload(event)
        if body is None:
            return None
        self._last = decoded(BackedUp, body)
        return self._last

    def result(self) -> BackedUp:
        if self._last is None or self._last.stage != "done":
            raise Unavailable("the backup broke off; begin it again")
        return self._last


def _collect(dry_run: bool) -> StreamCall[Collected, Collected]:
    request = Request("POST", "/registry/gc", {"dry_run": dry_run}, "text/event-stream")
    return StreamCall(request, _CollectReader)


def _backup(to: str, keep: int) -> StreamCall[BackedUp, BackedUp]:
    request = Request(
        "POST", "/registry/backup", _given(to=to or None, keep=keep or None), "text/event-stream"
    )
    return StreamCall(request, _BackupReader)
