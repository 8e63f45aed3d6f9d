"""The gRPC methods of memories and documents: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from colonnade.api.memory.v1 import memory_pb2 as messages
from colonnade.api.memory.v1.memory_pb2_grpc import DocumentServiceServicer, MemoryServiceServicer
from colonnade.errors import InvalidArgument
from colonnade.memory import wire
from colonnade.memory.service.documents import Documents
from colonnade.memory.service.memories import Memories
from colonnade.memory.service.recalling import Recalling
from colonnade.memory.service.remembering import Remembering
from colonnade.memory.service.searching import Searching
from colonnade.memory.service.sessions import Sessions
from colonnade.rpc import current

_NAMES = messages.DESCRIPTOR.services_by_name
MEMORIES, DOCUMENTS = _NAMES["MemoryService"].full_name, _NAMES["DocumentService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Rooms:
    """The use cases."""

    remembering: Remembering
    searching: Searching
    recalling: Recalling
    memories: Memories
    sessions: Sessions


class MemoryServicer(MemoryServiceServicer):
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def Remember(
        self, request: messages.RememberRequest, context: _Context
    ) -> messages.RememberResponse:
        kept = await self._rooms.remembering.remember(
            wire.new(request), current().principal, request.idempotency_key
        )
        return messages.RememberResponse(memory=wire.memory(kept))

    async def RememberExchange(
        self, request: messages.RememberExchangeRequest, context: _Context
    ) -> messages.RememberExchangeResponse:
        kept = await self._rooms.remembering.remember_exchange(
            wire.new_exchange(request), current().principal, request.idempotency_key
        )
        return messages.RememberExchangeResponse(turns=map(wire.memory, kept))

    async def Search(self, request: messages.SearchRequest, context: _Context) -> messages.SearchResponse:
        found = await self._rooms.searching.search(wire.question(request), current().principal)
        return wire.searched(found)

    async def Recall(self, request: messages.RecallRequest, context: _Context) -> messages.RecallResponse:
        return wire.recalled(await self._rooms.recalling.recall(wire.recall(request), current().principal))

    async def ListMemories(
        self, request: messages.ListMemoriesRequest, context: _Context
    ) -> messages.ListMemoriesResponse:
        found, page = await self._rooms.memories.page(
            wire.filter_of(request.filter), current().principal, limit=request.limit, page=request.page
        )
        return wire.memories(found, page)

    async def GetMemory(
        self, request: messages.GetMemoryRequest, context: _Context
    ) -> messages.GetMemoryResponse:
        found = await self._rooms.memories.get(request.id, current().principal)
        return messages.GetMemoryResponse(memory=wire.memory(found))

    async def ReviseMemory(
        self, request: messages.ReviseMemoryRequest, context: _Context
    ) -> messages.ReviseMemoryResponse:
        revised = await self._rooms.memories.revise(
            request.id, current().principal,
            importance=request.importance if request.HasField("importance") else None,
            pinned=request.pinned if request.HasField("pinned") else None,
        )  # fmt: skip
        return messages.ReviseMemoryResponse(memory=wire.memory(revised))

    async def ForgetMemory(
        self, request: messages.ForgetMemoryRequest, context: _Context
    ) -> messages.ForgetMemoryResponse:
        await self._rooms.memories.forget(request.id, current().principal)
        return messages.ForgetMemoryResponse()

    async def RateMemory(
        self, request: messages.RateMemoryRequest, context: _Context
    ) -> messages.RateMemoryResponse:
        rated = await self._rooms.memories.rate(request.id, current().principal, useful=request.useful)
        return messages.RateMemoryResponse(memory=wire.memory(rated))

    async def ListSessions(
        self, request: messages.ListSessionsRequest, context: _Context
    ) -> messages.ListSessionsResponse:
        found, page = await self._rooms.sessions.page(
            current().principal, limit=request.limit, page=request.page
        )
        return messages.ListSessionsResponse(sessions=map(wire.session, found), next_page=page)

    async def EndSession(
        self, request: messages.EndSessionRequest, context: _Context
    ) -> messages.EndSessionResponse:
        forgotten = await self._rooms.sessions.end(request.session, current().principal)
        return messages.EndSessionResponse(forgotten=forgotten)


class DocumentServicer(DocumentServiceServicer):
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def AddDocument(
        self, request_iterator: AsyncIterator[messages.AddDocumentRequest], context: _Context
    ) -> messages.AddDocumentResponse:
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("part") != "document":
            raise InvalidArgument("the first message must say which document comes", field="document")
        new = first.document
        added = await self._documents.add(
            wire.new_document(new), _content(request_iterator), current().principal, new.idempotency_key
        )
        return messages.AddDocumentResponse(document=wire.document(added))

    async def ListDocuments(
        self, request: messages.ListDocumentsRequest, context: _Context
    ) -> messages.ListDocumentsResponse:
        found, page = await self._documents.page(current().principal, limit=request.limit, page=request.page)
        return messages.ListDocumentsResponse(documents=map(wire.document, found), next_page=page)

    async def GetDocument(
        self, request: messages.GetDocumentRequest, context: _Context
    ) -> messages.GetDocumentResponse:
        found = await self._documents.get(
            request.id, current().principal, start=request.start, end=request.end
        )
        return wire.part(found)

    async def DeleteDocument(
        self, request: messages.DeleteDocumentRequest, context: _Context
    ) -> messages.DeleteDocumentResponse:
        await self._documents.delete(request.id, current().principal)
        return messages.DeleteDocumentResponse()


async def _content(requests: AsyncIterator[messages.AddDocumentRequest]) -> AsyncIterator[bytes]:
    """``InvalidArgument`` where it breaks off: a stream that was cancelled may look as if it had ended."""
    async for request in requests:
        match request.WhichOneof("part"):
            case "content":
                yield request.content
            case "end":
                return
            case _:
                raise InvalidArgument("messages after the first must be content, or the end", field="content")
    raise InvalidArgument("content broke off: the message that ends it is missing", field="content")
