"""Erasures, on the memory service's gRPC."""

from datetime import UTC

from colonnade.api.erasure.v1 import subjects_pb2 as wire
from colonnade.api.erasure.v1.subjects_pb2_grpc import SubjectServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.erasures import AffectedVersion, Erasure, ErasurePage, ErasureStep, NewErasure
from colonnade.gateway.domain.exchange import Caller

_SECONDS = 10.0


class MemoryErasures:
    """Implements ``ports.ErasureBook``."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._stub = calls, SubjectServiceStub(calls.peer.channel)

    async def begin(self, caller: Caller, new: NewErasure) -> Erasure:
        request = wire.EraseSubjectRequest(
            subject=new.subject, why=new.why, tenant=new.tenant, idempotency_key=new.idempotency_key
        )
        method = self._stub.EraseSubject
        answer = await self._calls.unary(caller, method, request, wire.EraseSubjectResponse, _SECONDS)
        return _erasure(answer.erasure)

    async def get(self, caller: Caller, erasure_id: str) -> Erasure:
        request, method = wire.GetErasureRequest(id=erasure_id), self._stub.GetErasure
        answer = await self._calls.unary(caller, method, request, wire.GetErasureResponse, _SECONDS)
        return _erasure(answer.erasure)

    async def page(self, caller: Caller, limit: int, page: str) -> ErasurePage:
        request, method = wire.ListErasuresRequest(limit=limit, page=page), self._stub.ListErasures
        answer = await self._calls.unary(caller, method, request, wire.ListErasuresResponse, _SECONDS)
        return ErasurePage(tuple(map(_erasure, answer.erasures)), answer.next_page)

    async def receipt_key(self, caller: Caller) -> str:
        request, method = wire.GetReceiptKeyRequest(), self._stub.GetReceiptKey
        answer = await self._calls.unary(caller, method, request, wire.GetReceiptKeyResponse, _SECONDS)
        return answer.public_key


def _erasure(told: wire.Erasure) -> Erasure:
    return Erasure(
        id=told.id,
        tenant=told.tenant,
        mark=told.mark,
        why=told.why,
        asked_by=told.asked_by,
        began_at=told.began_at.ToDatetime(UTC),
        ended_at=told.ended_at.ToDatetime(UTC) if told.HasField("ended_at") else None,
        steps=tuple(map(_step, told.steps)),
        affected=tuple(AffectedVersion(each.model, each.version, each.why) for each in told.affected),
        receipt=told.receipt,
    )


def _step(told: wire.ErasureStep) -> ErasureStep:
    done_at = told.done_at.ToDatetime(UTC) if told.HasField("done_at") else None
    return ErasureStep(told.service, told.round, done_at, told.tries, told.reason, dict(told.removed))
