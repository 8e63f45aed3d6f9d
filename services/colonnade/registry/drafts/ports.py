"""What drafts need of the world."""

from collections.abc import AsyncIterable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from colonnade.registry.drafts.draft import BeginOrder, Bounds, DraftFile, State, VersionDraft
from colonnade.security.inputs.once import Once

Key = tuple[str, int]
"""Model and number."""


class DraftStore(Protocol):
    """Every method is one transaction. ``NotFound`` where there is no such draft."""

    async def begin(
        self, order: BeginOrder, state: State, once: Once | None, bounds: Bounds, *, by: str, at: datetime
    ) -> VersionDraft:
        """A draft under the model's next number. Under a known key, the one that was begun."""
        ...

    async def find(self, key: Key) -> VersionDraft: ...

    async def list_active(self, model: str, limit: int) -> Sequence[VersionDraft]:
        """Newest first."""
        ...

    async def put_file(self, key: Key, file: DraftFile, bounds: Bounds, at: datetime) -> VersionDraft:
        """Adds a file, or replaces that of its path. The draft is open afterwards.

        ``Conflict`` unless it is open or failed; ``TooLarge`` past the bounds."""
        ...

    async def change(
        self, key: Key, state: State, among: Collection[State], *, by: str, at: datetime, message: str = ""
    ) -> VersionDraft:
        """``Conflict`` where the draft is in no state of ``among``."""
        ...

    async def touch(self, key: Key, at: datetime) -> None:
        """Somebody works on it."""
        ...

    async def next_waiting(self) -> VersionDraft | None:
        """That was begun first."""
        ...

    async def recover(self, at: datetime) -> None:
        """After a kill this registry imports nothing: what has a source waits again, the rest is open."""
        ...

    async def untouched(self, since: datetime) -> Sequence[VersionDraft]:
        """Those that are open or failed and that nobody touched since."""
        ...

    async def rooms(self) -> set[str]:
        """Of all that are neither ready nor discarded."""
        ...

    async def artefact_size(self, digest: str) -> int | None:
        """Of a file that some version has."""
        ...


class Spool(Protocol):
    """Where uploads wait, a room for each draft. What ``append`` returned from is on the disk."""

    async def received(self, room: str, file: DraftFile) -> int:
        """All of it once it is complete, and is what was announced."""
        ...

    async def append(self, room: str, file: DraftFile, offset: int, chunks: AsyncIterable[bytes]) -> int:
        """Returns how much there is now. ``Conflict`` naming the right one where it is not at ``offset``.

        What arrived stays, however the chunks end. A whole file that is not what was announced, or that is
        nothing a model is made of, is refused and begins anew."""
        ...

    async def forget(self, room: str, file: DraftFile) -> None: ...

    async def lay(self, room: str, files: Sequence[DraftFile], folder: Path) -> None:
        """Puts complete files into a folder under their paths, without a copy where that can be."""
        ...

    async def discard(self, room: str) -> None: ...

    async def rooms(self) -> set[str]:
        """In which something waits."""
        ...
