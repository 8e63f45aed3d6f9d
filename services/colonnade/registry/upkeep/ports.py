"""What upkeep needs of the registry's database, in its own words. Each method is one transaction."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from colonnade.errors import Unavailable

REMOVING = timedelta(minutes=15)
"""After which nobody deletes any more what was condemned."""
BATCH_SECONDS = 60.0
"""How long after condemning a batch its blobs may be deleted."""


class LeaseLost(Unavailable):
    """Somebody else has taken over, or may have."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Of some blobs: how many wait for the grace period to end, and for which it is over."""

    waiting: int
    ripe: tuple[str, ...]


class ClaimBook(Protocol):
    async def open(self, writer: str, until: datetime) -> None: ...

    async def renew(self, writer: str, until: datetime) -> None:
        """``LeaseLost`` where the claim was dropped."""
        ...

    async def claim(self, writer: str, digests: Collection[str], now: datetime) -> Sequence[str]:
        """Claims all of them, or none: then returns those that are being removed. ``LeaseLost`` as above."""
        ...

    async def close(self, writer: str) -> None: ...


class UpkeepBook(Protocol):
    async def recover(self, registry: str, *, freeing: bool) -> None:
        """Forgets what this registry was doing when it died; ``freeing`` where a deletion died with it."""
        ...

    async def lease(self, holder: str, now: datetime, until: datetime) -> None:
        """``Conflict`` where another collection or backup is under way."""
        ...

    async def renew(self, holder: str, until: datetime) -> None:
        """``LeaseLost`` where another has it now."""
        ...

    async def release(self, holder: str) -> None: ...

    async def due(self, now: datetime, every: timedelta) -> bool:
        """Whether the last collection began that long ago; the first time that it is asked, one just has."""
        ...

    async def begun(self, now: datetime) -> None:
        """A collection begins."""
        ...

    async def drop_contents(self) -> int:
        """Forgets contents that no version names; returns how many."""
        ...

    async def look(self, digests: Sequence[str], now: datetime, cutoff: datetime) -> Looked:
        """Marks those that nothing names or claims, and unmarks the others. Ripe is what was marked by an
        earlier pass, no later than ``cutoff``."""
        ...

    async def peek(self, digests: Sequence[str], now: datetime, cutoff: datetime) -> Looked:
        """As ``look``, and changes nothing."""
        ...

    async def condemn(
        self, holder: str, digests: Sequence[str], now: datetime, cutoff: datetime
    ) -> Sequence[str]:
        """Those of them that may be deleted now. ``LeaseLost`` where another has the lease."""
        ...

    async def removed(self, holder: str, digests: Collection[str], spared: Collection[str]) -> None:
        """Both may be claimed again: these are deleted, and those were condemned in vain."""
        ...

    async def tell(self, kind: str, by: str, at: datetime, **facts: Any) -> None:
        """An event."""
        ...


class Claim(Protocol):
    """Of one writer, for as long as it is open."""

    @property
    def id(self) -> str:
        """What the transaction that names the blobs is to check."""
        ...

    async def add(self, digests: Collection[str]) -> None:
        """Before any is put. Waits for those that are being removed; ``Unavailable`` if for too long."""
        ...


class Claims(Protocol):
    def open(self) -> AbstractAsyncContextManager[Claim]: ...
