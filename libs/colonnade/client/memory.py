"""Both clients' ``memory``."""

import builtins
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack

from colonnade.client import memory_calls as calls
from colonnade.client.contents import Show
from colonnade.client.memory_calls import Listing, MemoryFilter, NewMemory
from colonnade.client.results.memory import Document, Found, Memory, Passage, Session

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade

_T = TypeVar("_T")


class SyncMemory:
    """What the platform remembers of a subject; ``documents`` beside it. ``subject`` names another than the
    key's own, where the key may speak for others."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client
        self.documents = SyncDocuments(client)

    def remember(
        self, text: str, *, idempotency_key: str | None = None, **options: Unpack[NewMemory]
    ) -> Memory:
        """Keeps a fact; with ``kind="episode"`` what happened; with ``session`` and ``role`` what was said.

        With a key that was used before: the memory that it made."""
        return self._client._call(calls.remember(text, options, idempotency_key))

    def search(
        self, query: str, *, limit: int | None = None, rerank: bool = False, **wanted: Unpack[MemoryFilter]
    ) -> Found:
        """What fits a question best, by its words and by what it means, and why."""
        return self._client._call(calls.search(query, limit, rerank, wanted))

    def list(self, *, limit: int | None = None, **wanted: Unpack[MemoryFilter]) -> list[Memory]:
        """Newest first; all of them, or the first ``limit``."""
        return _all(self._client, calls.memories(wanted, limit))

    def get(self, memory_id: str, *, subject: str | None = None) -> Memory:
        return self._client._call(calls.get(memory_id, subject))

    def revise(
        self,
        memory_id: str,
        *,
        importance: float | None = None,
        pinned: bool | None = None,
        subject: str | None = None,
    ) -> Memory:
        """Changes how much it matters; what is pinned never fades."""
        return self._client._call(calls.revise(memory_id, importance, pinned, subject))

    def forget(self, memory_id: str, *, subject: str | None = None) -> None:
        self._client._call(calls.forget(memory_id, subject))

    def rate(self, memory_id: str, useful: bool, *, subject: str | None = None) -> Memory:
        """Says whether it was of use where it was recalled."""
        return self._client._call(calls.rate(memory_id, useful, subject))

    def sessions(self, *, limit: int | None = None, subject: str | None = None) -> builtins.list[Session]:
        """Those that have not ended, latest first."""
        return _all(self._client, calls.sessions(subject, limit))

    def end_session(self, session: str, *, subject: str | None = None) -> int:
        """Forgets its turns and what was kept for its task; how many memories."""
        return self._client._call(calls.end_session(session, subject))


class SyncDocuments:
    """Documents that are kept whole, and found by their pieces."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def add(
        self,
        file: str | Path | bytes,
        *,
        name: str | None = None,
        media_type: str | None = None,
        shared: bool = False,
        subject: str | None = None,
        idempotency_key: str | None = None,
        show: Show | None = None,
    ) -> Document:
        """Sends a path's content, or bytes. ``media_type`` is told by the name's ending where it can be:
        text, Markdown, HTML, PDF. ``shared``: the whole tenant's. ``show`` gets bytes sent, of how many."""
        return self._client._call(
            calls.add_document(file, name, media_type, shared, subject, idempotency_key, show)
        )

    def list(self, *, limit: int | None = None, subject: str | None = None) -> list[Document]:
        """The subject's and those that the tenant shares, newest first."""
        return _all(self._client, calls.documents(subject, limit))

    def get(
        self, document_id: str, *, start: int = 0, end: int | None = None, subject: str | None = None
    ) -> Passage:
        """With its text from ``start`` to ``end``, in characters; left out: ten thousand of them."""
        return self._client._call(calls.document(document_id, start, end, subject))

    def delete(self, document_id: str, *, subject: str | None = None) -> None:
        """With all its pieces."""
        self._client._call(calls.delete_document(document_id, subject))


class AsyncMemory:
    """What the platform remembers of a subject; ``documents`` beside it. ``subject`` names another than the
    key's own, where the key may speak for others."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client
        self.documents = AsyncDocuments(client)

    async def remember(
        self, text: str, *, idempotency_key: str | None = None, **options: Unpack[NewMemory]
    ) -> Memory:
        """Keeps a fact; with ``kind="episode"`` what happened; with ``session`` and ``role`` what was said.

        With a key that was used before: the memory that it made."""
        return await self._client._call(calls.remember(text, options, idempotency_key))

    async def search(
        self, query: str, *, limit: int | None = None, rerank: bool = False, **wanted: Unpack[MemoryFilter]
    ) -> Found:
        """What fits a question best, by its words and by what it means, and why."""
        return await self._client._call(calls.search(query, limit, rerank, wanted))

    async def list(self, *, limit: int | None = None, **wanted: Unpack[MemoryFilter]) -> list[Memory]:
        """Newest first; all of them, or the first ``limit``."""
        return await _all_async(self._client, calls.memories(wanted, limit))

    async def get(self, memory_id: str, *, subject: str | None = None) -> Memory:
        return await self._client._call(calls.get(memory_id, subject))

    async def revise(
        self,
        memory_id: str,
        *,
        importance: float | None = None,
        pinned: bool | None = None,
        subject: str | None = None,
    ) -> Memory:
        """Changes how much it matters; what is pinned never fades."""
        return await self._client._call(calls.revise(memory_id, importance, pinned, subject))

    async def forget(self, memory_id: str, *, subject: str | None = None) -> None:
        await self._client._call(calls.forget(memory_id, subject))

    async def rate(self, memory_id: str, useful: bool, *, subject: str | None = None) -> Memory:
        """Says whether it was of use where it was recalled."""
        return await self._client._call(calls.rate(memory_id, useful, subject))

    async def sessions(
        self, *, limit: int | None = None, subject: str | None = None
    ) -> builtins.list[Session]:
        """Those that have not ended, latest first."""
        return await _all_async(self._client, calls.sessions(subject, limit))

    async def end_session(self, session: str, *, subject: str | None = None) -> int:
        """Forgets its turns and what was kept for its task; how many memories."""
        return await self._client._call(calls.end_session(session, subject))


class AsyncDocuments:
    """Documents that are kept whole, and found by their pieces."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def add(
        self,
        file: str | Path | bytes,
        *,
        name: str | None = None,
        media_type: str | None = None,
        shared: bool = False,
        subject: str | None = None,
        idempotency_key: str | None = None,
        show: Show | None = None,
    ) -> Document:
        """Sends a path's content, or bytes. ``media_type`` is told by the name's ending where it can be:
        text, Markdown, HTML, PDF. ``shared``: the whole tenant's. ``show`` gets bytes sent, of how many."""
        return await self._client._call(
            calls.add_document(file, name, media_type, shared, subject, idempotency_key, show)
        )

    async def list(self, *, limit: int | None = None, subject: str | None = None) -> list[Document]:
        """The subject's and those that the tenant shares, newest first."""
        return await _all_async(self._client, calls.documents(subject, limit))

    async def get(
        self, document_id: str, *, start: int = 0, end: int | None = None, subject: str | None = None
    ) -> Passage:
        """With its text from ``start`` to ``end``, in characters; left out: ten thousand of them."""
        return await self._client._call(calls.document(document_id, start, end, subject))

    async def delete(self, document_id: str, *, subject: str | None = None) -> None:
        """With all its pieces."""
        await self._client._call(calls.delete_document(document_id, subject))


def _all(client: "Colonnade", listing: Listing[_T]) -> list[_T]:
    while call := listing.next_call():
        listing.take(client._call(call))
    return listing.items


async def _all_async(client: "AsyncColonnade", listing: Listing[_T]) -> list[_T]:
    while call := listing.next_call():
        listing.take(await client._call(call))
    return listing.items
