"""The gRPC methods of drafts: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from colonnade.api.registry.v1 import drafts_pb2 as messages
from colonnade.api.registry.v1.drafts_pb2_grpc import DraftServiceServicer
from colonnade.errors import InvalidArgument
from colonnade.registry.drafts.draft import DraftFile
from colonnade.registry.drafts.service import Drafts
from colonnade.registry.servicers import drafts_wire
from colonnade.registry.servicers.versions_wire import import_event
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["DraftService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]
_PIECE_BYTES = 1024 * 1024


class DraftServicer(DraftServiceServicer):
    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts

    async def BeginVersion(
        self, request: messages.BeginVersionRequest, context: _Context
    ) -> messages.BeginVersionResponse:
        shown = await self._drafts.begin(drafts_wire.order(request), current().principal)
        return messages.BeginVersionResponse(draft=drafts_wire.draft(shown))

    async def GetDraft(
        self, request: messages.GetDraftRequest, context: _Context
    ) -> messages.GetDraftResponse:
        shown = await self._drafts.get(request.model, request.number)
        return messages.GetDraftResponse(draft=drafts_wire.draft(shown))

    async def ListDrafts(
        self, request: messages.ListDraftsRequest, context: _Context
    ) -> messages.ListDraftsResponse:
        found = await self._drafts.list(request.model)
        return messages.ListDraftsResponse(drafts=map(drafts_wire.draft, found))

    async def OpenFile(
        self, request: messages.OpenFileRequest, context: _Context
    ) -> messages.OpenFileResponse:
        asked = DraftFile(request.path, request.size_bytes, request.digest)
        file, received = await self._drafts.open_file(
            request.model, request.number, asked, current().principal
        )
        return messages.OpenFileResponse(file=drafts_wire.file(file, received))

    async def WriteFile(
        self, request_iterator: AsyncIterator[messages.WriteFileRequest], context: _Context
    ) -> messages.WriteFileResponse:
        first = await anext(request_iterator, None)
        if first is None:
            raise InvalidArgument("the first message says which file is written", field="path")
        file, received = await self._drafts.write_file(
            first.model, first.number, first.path, first.offset, _chunks(first, request_iterator),
            current().principal,
        )  # fmt: skip
        return messages.WriteFileResponse(file=drafts_wire.file(file, received))

    async def SealVersion(
        self, request: messages.SealVersionRequest, context: _Context
    ) -> AsyncIterator[messages.SealVersionResponse]:
        sealing = self._drafts.seal(request.model, request.number, current().principal)
        async with aclosing(sealing) as events:
            async for event in events:
                yield messages.SealVersionResponse(progress=import_event(event))

    async def DiscardDraft(
        self, request: messages.DiscardDraftRequest, context: _Context
    ) -> messages.DiscardDraftResponse:
        await self._drafts.discard(request.model, request.number, current().principal)
        return messages.DiscardDraftResponse()

    async def ReadFile(
        self, request: messages.ReadFileRequest, context: _Context
    ) -> AsyncIterator[messages.ReadFileResponse]:
        size, pieces = await self._drafts.read_file(request.digest, request.offset)
        yield messages.ReadFileResponse(size_bytes=size)
        async with aclosing(pieces):
            async for piece in pieces:
                for start in range(0, len(piece), _PIECE_BYTES):
                    yield messages.ReadFileResponse(chunk=piece[start : start + _PIECE_BYTES])


async def _chunks(
    first: messages.WriteFileRequest, rest: AsyncIterator[messages.WriteFileRequest]
) -> AsyncIterator[bytes]:
    if first.chunk:
        yield first.chunk
    async for message in rest:
        yield message.chunk
