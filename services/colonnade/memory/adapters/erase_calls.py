"""What other services hold of people, on their gRPC. Only this service's own identity is let in there."""

from collections.abc import AsyncIterator

from colonnade.api.erasure.v1 import erasure_pb2 as messages
from colonnade.api.erasure.v1.erasure_pb2_grpc import ErasureServiceStub
from colonnade.memory.domain.erasures import Affected, Erased, Held
from colonnade.memory.domain.ids import utc_now
from colonnade.memory.wire import time_of
from colonnade.rpc import Peer

ERASE_SECONDS = 50.0
"""For a service to erase: it overwrites files. What takes longer is tried again, and goes on where it was."""
_LIST_SECONDS = 20.0


class ServiceEraser:
    """Implements ``ports.Eraser``."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self._stub = peer, ErasureServiceStub(peer.channel)

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        request = messages.EraseRequest(tenant=tenant, subject=subject, erasure_id=erasure_id)
        answer = await self._peer.unary(
            self._stub.Erase, request, messages.EraseResponse, as_service=True, timeout=ERASE_SECONDS
        )
        affected = [Affected(each.model, each.version, each.why) for each in answer.affected]
        return Erased(dict(answer.removed), affected)

    async def held(self) -> AsyncIterator[Held]:
        page = ""
        while True:
            answer = await self._peer.unary(
                self._stub.ListSubjects, messages.ListSubjectsRequest(page=page),
                messages.ListSubjectsResponse, as_service=True, timeout=_LIST_SECONDS,
            )  # fmt: skip
            for each in answer.subjects:
                since = time_of(each.since, "since") if each.HasField("since") else utc_now()
                yield Held(each.tenant, each.subject, since)
            page = answer.next_page
            if not page:
                return
