"""Versions in the making on the registry's gRPC."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import drafts_pb2 as wire
from colonnade.api.registry.v1.drafts_pb2_grpc import DraftServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.registry import import_progress
from colonnade.gateway.domain.drafts import Draft, DraftFile, DraftOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import ImportProgress

_SECONDS = 10.0
_CHUNK_BYTES = 1024 * 1024


class RegistryDrafts:
    """Implements ``ports.DraftBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = DraftServiceStub(calls.peer.channel)

    async def begin(self, caller: Caller, order: DraftOrder) -> Draft:
        request = wire.BeginVersionRequest(
            model=order.model,
            description=order.description,
            alias=order.alias,
            base=order.base,
            source=order.source,
            idempotency_key=order.idempotency_key,
        )
        method = self._stub.BeginVersion
        answer = await self._calls.unary(caller, method, request, wire.BeginVersionResponse, _SECONDS)
        return _draft(answer.draft)

    async def get(self, caller: Caller, model: str, number: int) -> Draft:
        request = wire.GetDraftRequest(model=model, number=number)
        method = self._stub.GetDraft
        answer = await self._calls.unary(caller, method, request, wire.GetDraftResponse, _SECONDS)
        return _draft(answer.draft)

    async def list(self, caller: Caller, model: str) -> Sequence[Draft]:
        request, method = wire.ListDraftsRequest(model=model), self._stub.ListDrafts
        answer = await self._calls.unary(caller, method, request, wire.ListDraftsResponse, _SECONDS)
        return [_draft(draft) for draft in answer.drafts]

    async def open_file(self, caller: Caller, model: str, number: int, file: DraftFile) -> DraftFile:
        request = wire.OpenFileRequest(
            model=model, number=number, path=file.path, size_bytes=file.size_bytes, digest=file.digest
        )
        method = self._stub.OpenFile
        answer = await self._calls.unary(caller, method, request, wire.OpenFileResponse, _SECONDS)
        return _file(answer.file)

    async def write_file(
        self, caller: Caller, model: str, number: int, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> DraftFile:
        first = wire.WriteFileRequest(model=model, number=number, path=path, offset=offset)
        faults = list[Exception]()
        method, requests = self._stub.WriteFile, _requests(first, chunks, faults)
        answer = await self._calls.unary(caller, method, requests, wire.WriteFileResponse)
        if faults:
            raise faults[0]
        return _file(answer.file)

    async def seal(self, caller: Caller, model: str, number: int) -> AsyncGenerator[ImportProgress, None]:
        request = wire.SealVersionRequest(model=model, number=number)
        steps = self._calls.stream(caller, self._stub.SealVersion, request, wire.SealVersionResponse)
        async with aclosing(steps):
            async for step in steps:
                yield import_progress(step.progress)

    async def discard(self, caller: Caller, model: str, number: int) -> None:
        request, method = wire.DiscardDraftRequest(model=model, number=number), self._stub.DiscardDraft
        await self._calls.unary(caller, method, request, wire.DiscardDraftResponse, _SECONDS)

    async def read_file(self, caller: Caller, digest: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        request = wire.ReadFileRequest(digest=digest, offset=offset)
        pieces = self._calls.stream(caller, self._stub.ReadFile, request, wire.ReadFileResponse)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece.chunk


async def _requests(
    first: wire.WriteFileRequest, chunks: AsyncIterable[bytes], faults: list[Exception]
) -> AsyncIterator[wire.WriteFileRequest]:
    """What arrives in small pieces goes on in larger ones: each costs the registry a write.

    Where the client breaks off, the stream ends in order: the registry keeps what arrived, and we raise."""
    yield first
    gathered = bytearray()
    try:
        async for chunk in chunks:
            gathered += chunk
            while len(gathered) >= _CHUNK_BYTES:
                yield wire.WriteFileRequest(chunk=bytes(gathered[:_CHUNK_BYTES]))
                del gathered[:_CHUNK_BYTES]
    except Exception as fault:
        faults.append(fault)
    if gathered:
        yield wire.WriteFileRequest(chunk=bytes(gathered))


def _draft(draft: wire.Draft) -> Draft:
    return Draft(
        model=draft.model,
        number=draft.number,
        state=draft.state,
        message=draft.message,
        fraction=draft.fraction,
        source=draft.source,
        alias=draft.alias,
        base=draft.base,
        description=draft.description,
        files=tuple(map(_file, draft.files)),
        created_at=_time(draft.created_at),
        created_by=draft.created_by,
        updated_at=_time(draft.updated_at),
        version=draft.version,
    )


def _file(file: wire.DraftFile) -> DraftFile:
    return DraftFile(file.path, file.size_bytes, file.digest, file.received)


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
