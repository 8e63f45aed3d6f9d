"""The gRPC methods of erasures."""

from typing import Any

import grpc

from colonnade.api.erasure.v1 import subjects_pb2 as messages
from colonnade.api.erasure.v1.subjects_pb2_grpc import SubjectServiceServicer
from colonnade.memory import wire_erasures as wire
from colonnade.memory.service.erasing.asking import Asking
from colonnade.rpc import current

SUBJECTS = messages.DESCRIPTOR.services_by_name["SubjectService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class SubjectServicer(SubjectServiceServicer):
    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def EraseSubject(
        self, request: messages.EraseSubjectRequest, context: _Context
    ) -> messages.EraseSubjectResponse:
        begun = await self._asking.begin(
            request.subject, current().principal,
            why=request.why, tenant=request.tenant, key=request.idempotency_key,
        )  # fmt: skip
        return messages.EraseSubjectResponse(erasure=wire.erasure(begun))

    async def GetErasure(
        self, request: messages.GetErasureRequest, context: _Context
    ) -> messages.GetErasureResponse:
        found = await self._asking.get(request.id, current().principal)
        return messages.GetErasureResponse(erasure=wire.erasure(found))

    async def ListErasures(
        self, request: messages.ListErasuresRequest, context: _Context
    ) -> messages.ListErasuresResponse:
        found, page = await self._asking.page(current().principal, limit=request.limit, page=request.page)
        return wire.erasures(found, page)

    async def GetReceiptKey(
        self, request: messages.GetReceiptKeyRequest, context: _Context
    ) -> messages.GetReceiptKeyResponse:
        return messages.GetReceiptKeyResponse(public_key=self._asking.public_key)
