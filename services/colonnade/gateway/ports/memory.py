"""The memory service."""

from collections.abc import AsyncIterable
from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.memory import (
    Document,
    DocumentPage,
    Found,
    Memory,
    MemoryFilter,
    MemoryPage,
    NewDocument,
    NewMemory,
    Passage,
    Question,
    Recollection,
    SessionPage,
)


class MemoryBook(Protocol):
    """Memories of the caller's subject, and of what their tenant shares.

    Raises what the memory service refuses with; ``Unavailable`` where it is away. ``seconds``: for an answer.
    """

    async def remember(self, caller: Caller, new: NewMemory) -> Memory: ...

    async def remember_exchange(
        self, caller: Caller, session: str, asked: str, answered: str, key: str, seconds: float
    ) -> None:
        """Both turns, or neither; once under a key."""
        ...

    async def search(self, caller: Caller, question: Question) -> Found: ...

    async def recall(
        self, caller: Caller, question: Question, session: str, seconds: float
    ) -> Recollection: ...

    async def page(self, caller: Caller, wanted: MemoryFilter, limit: int, page: str) -> MemoryPage:
        """Newest first."""
        ...

    async def get(self, caller: Caller, memory_id: str) -> Memory: ...

    async def revise(
        self, caller: Caller, memory_id: str, importance: float | None, pinned: bool | None
    ) -> Memory: ...

    async def forget(self, caller: Caller, memory_id: str) -> None: ...

    async def rate(self, caller: Caller, memory_id: str, *, useful: bool) -> Memory: ...

    async def sessions(self, caller: Caller, limit: int, page: str) -> SessionPage:
        """Latest first."""
        ...

    async def end_session(self, caller: Caller, session: str) -> int:
        """How many memories were forgotten."""
        ...

    async def add_document(self, caller: Caller, new: NewDocument, content: AsyncIterable[bytes]) -> Document:
        """Raises what ``content`` raises; then nothing of it is kept."""
        ...

    async def documents(self, caller: Caller, limit: int, page: str) -> DocumentPage:
        """Newest first."""
        ...

    async def document(self, caller: Caller, document_id: str, start: int, end: int) -> Passage:
        """``end`` 0: as much as the memory service gives at once."""
        ...

    async def delete_document(self, caller: Caller, document_id: str) -> None: ...
