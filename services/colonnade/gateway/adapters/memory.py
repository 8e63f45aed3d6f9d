"""What the platform remembers, on the memory service's gRPC."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

from colonnade.api.memory.v1 import memory_pb2 as wire
from colonnade.api.memory.v1.memory_pb2_grpc import DocumentServiceStub, MemoryServiceStub
from colonnade.gateway.adapters import memory_wire as read
from colonnade.gateway.adapters.calls import Calls
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

_SECONDS = 10.0
_SEARCH_SECONDS = 30.0
"""With a reranker, a model reads each of the best."""
_REFUSAL_SECONDS = 2.0
"""For the memory service to refuse what breaks off."""
_CHUNK_BYTES = 256 * 1024


class MemoryService:
    """Implements ``ports.MemoryBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._memories = MemoryServiceStub(calls.peer.channel)
        self._documents = DocumentServiceStub(calls.peer.channel)

    async def remember(self, caller: Caller, new: NewMemory) -> Memory:
        request = wire.RememberRequest(
            kind=read.kind_of(new.kind),
            tier=read.tier_of(new.tier),
            session=new.session,
            text=new.text,
            importance=new.importance,
            pinned=new.pinned,
            role=new.role,
            people=new.people,
            happened_at=read.stamp(new.happened_at),
            idempotency_key=new.idempotency_key,
        )
        method, kind = self._memories.Remember, wire.RememberResponse
        return read.memory((await self._calls.unary(caller, method, request, kind, _SECONDS)).memory)

    async def remember_exchange(
        self, caller: Caller, session: str, asked: str, answered: str, key: str, seconds: float
    ) -> None:
        request = wire.RememberExchangeRequest(
            session=session, asked=asked, answered=answered, idempotency_key=key
        )
        method, kind = self._memories.RememberExchange, wire.RememberExchangeResponse
        await self._calls.unary(caller, method, request, kind, seconds)

    async def search(self, caller: Caller, question: Question) -> Found:
        request = wire.SearchRequest(
            query=question.query,
            limit=question.limit,
            filter=read.filter_of(question.filter),
            rerank=question.rerank,
        )
        method = self._memories.Search
        answer = await self._calls.unary(caller, method, request, wire.SearchResponse, _SEARCH_SECONDS)
        return read.found(answer.hits, answer.without)

    async def recall(self, caller: Caller, question: Question, session: str, seconds: float) -> Recollection:
        request = wire.RecallRequest(
            query=question.query,
            session=session,
            limit=question.limit,
            filter=read.filter_of(question.filter),
        )
        method = self._memories.Recall
        answer = await self._calls.unary(caller, method, request, wire.RecallResponse, seconds)
        turns = tuple(map(read.memory, answer.turns))
        return Recollection(answer.summary, turns, read.found(answer.hits, answer.without))

    async def page(self, caller: Caller, wanted: MemoryFilter, limit: int, page: str) -> MemoryPage:
        request = wire.ListMemoriesRequest(filter=read.filter_of(wanted), limit=limit, page=page)
        method = self._memories.ListMemories
        answer = await self._calls.unary(caller, method, request, wire.ListMemoriesResponse, _SECONDS)
        return MemoryPage(tuple(map(read.memory, answer.memories)), answer.next_page)

    async def get(self, caller: Caller, memory_id: str) -> Memory:
        request, method = wire.GetMemoryRequest(id=memory_id), self._memories.GetMemory
        answer = await self._calls.unary(caller, method, request, wire.GetMemoryResponse, _SECONDS)
        return read.memory(answer.memory)

    async def revise(
        self, caller: Caller, memory_id: str, importance: float | None, pinned: bool | None
    ) -> Memory:
        request = wire.ReviseMemoryRequest(id=memory_id, importance=importance, pinned=pinned)
        method = self._memories.ReviseMemory
        answer = await self._calls.unary(caller, method, request, wire.ReviseMemoryResponse, _SECONDS)
        return read.memory(answer.memory)

    async def forget(self, caller: Caller, memory_id: str) -> None:
        request, method = wire.ForgetMemoryRequest(id=memory_id), self._memories.ForgetMemory
        await self._calls.unary(caller, method, request, wire.ForgetMemoryResponse, _SECONDS)

    async def rate(self, caller: Caller, memory_id: str, *, useful: bool) -> Memory:
        request, method = wire.RateMemoryRequest(id=memory_id, useful=useful), self._memories.RateMemory
        answer = await self._calls.unary(caller, method, request, wire.RateMemoryResponse, _SECONDS)
        return read.memory(answer.memory)

    async def sessions(self, caller: Caller, limit: int, page: str) -> SessionPage:
        request, method = wire.ListSessionsRequest(limit=limit, page=page), self._memories.ListSessions
        answer = await self._calls.unary(caller, method, request, wire.ListSessionsResponse, _SECONDS)
        return SessionPage(tuple(map(read.session, answer.sessions)), answer.next_page)

    async def end_session(self, caller: Caller, session: str) -> int:
        request, method = wire.EndSessionRequest(session=session), self._memories.EndSession
        answer = await self._calls.unary(caller, method, request, wire.EndSessionResponse, _SECONDS)
        return answer.forgotten

    async def add_document(self, caller: Caller, new: NewDocument, content: AsyncIterable[bytes]) -> Document:
        """Reading a document takes as long as the caller's deadline lets it.

        Where ``content`` breaks off, the message that it is whole never comes, and nothing is kept."""
        first = wire.NewDocument(
            name=new.name,
            media_type=new.media_type,
            shared=new.shared,
            idempotency_key=new.idempotency_key,
        )
        pieces = Pieces()
        method, requests = self._documents.AddDocument, pieces.requests(first)
        calling = asyncio.ensure_future(self._calls.unary(caller, method, requests, wire.AddDocumentResponse))
        feeding = asyncio.ensure_future(pieces.feed(content))
        try:
            await asyncio.wait((calling, feeding), return_when=asyncio.FIRST_COMPLETED)
            if feeding.done() and feeding.exception() is not None:
                await asyncio.wait((calling,), timeout=_REFUSAL_SECONDS)
                feeding.result()
            return read.document((await calling).document)
        finally:
            calling.cancel()
            feeding.cancel()
            await asyncio.gather(calling, feeding, return_exceptions=True)
            pieces.end()

    async def documents(self, caller: Caller, limit: int, page: str) -> DocumentPage:
        request, method = wire.ListDocumentsRequest(limit=limit, page=page), self._documents.ListDocuments
        answer = await self._calls.unary(caller, method, request, wire.ListDocumentsResponse, _SECONDS)
        return DocumentPage(tuple(map(read.document, answer.documents)), answer.next_page)

    async def document(self, caller: Caller, document_id: str, start: int, end: int) -> Passage:
        request = wire.GetDocumentRequest(id=document_id, start=start, end=end)
        method = self._documents.GetDocument
        answer = await self._calls.unary(caller, method, request, wire.GetDocumentResponse, _SECONDS)
        return Passage(read.document(answer.document), answer.text, answer.start)

    async def delete_document(self, caller: Caller, document_id: str) -> None:
        request, method = wire.DeleteDocumentRequest(id=document_id), self._documents.DeleteDocument
        await self._calls.unary(caller, method, request, wire.DeleteDocumentResponse, _SECONDS)


class Pieces:
    """Of a body, from who reads it to who sends it: one at a time is held."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(1)
        self._whole = False

    async def feed(self, content: AsyncIterable[bytes]) -> None:
        """Raises what ``content`` raises, once that was taken."""
        try:
            async for received in content:
                for start in range(0, len(received), _CHUNK_BYTES):
                    await self._queue.put(received[start : start + _CHUNK_BYTES])
        except Exception as fault:
            await self._queue.put(fault)
            raise
        self._whole = True
        await self._queue.put(None)

    def end(self) -> None:
        """Whoever still waits for a piece gets the end."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def requests(self, first: wire.NewDocument) -> AsyncGenerator[wire.AddDocumentRequest, None]:
        yield wire.AddDocumentRequest(document=first)
        while (piece := await self._queue.get()) is not None:
            if isinstance(piece, Exception):
                return
            yield wire.AddDocumentRequest(content=piece)
        if self._whole:
            yield wire.AddDocumentRequest(end=wire.EndOfDocument())
