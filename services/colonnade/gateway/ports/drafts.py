"""The registry's versions in the making."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import Protocol

from colonnade.gateway.domain.drafts import Draft, DraftFile, DraftOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import ImportProgress


class DraftBook(Protocol):
    """Raises as ``ModelCatalog`` does."""

    async def begin(self, caller: Caller, order: DraftOrder) -> Draft:
        """Reserves the next number. With a source the import goes on by itself; ``get`` tells how far."""

    async def get(self, caller: Caller, model: str, number: int) -> Draft: ...

    async def list(self, caller: Caller, model: str) -> Sequence[Draft]:
        """Those that are neither ready nor discarded, newest first."""

    async def open_file(self, caller: Caller, model: str, number: int, file: DraftFile) -> DraftFile:
        """Announces a file. What the registry has already is complete at once."""

    async def write_file(
        self, caller: Caller, model: str, number: int, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> DraftFile:
        """Appends from ``offset`` on; ``Conflict`` where the registry has another, that ``offset`` of its
        details names. What was received stays, however it ends."""

    def seal(self, caller: Caller, model: str, number: int) -> AsyncGenerator[ImportProgress, None]:
        """Progress until the version is there; closing the iterator leaves the draft as it was."""

    async def discard(self, caller: Caller, model: str, number: int) -> None: ...

    def read_file(self, caller: Caller, digest: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """A version's file as it is stored, from ``offset`` on."""
