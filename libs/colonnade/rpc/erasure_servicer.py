"""How a service is told to erase a person: the same gRPC service everywhere, for the memory service alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from colonnade.api.erasure.v1 import erasure_pb2 as messages
from colonnade.api.erasure.v1.erasure_pb2_grpc import ErasureServiceServicer
from colonnade.errors import InvalidArgument, PermissionDenied
from colonnade.rpc.context import current
from colonnade.security.identity import Principal

FULL_NAME = messages.DESCRIPTOR.services_by_name["ErasureService"].full_name
_ERASING = Principal.service("memory")
"""Who carries erasures through. Each service's access table lets services in; this says which."""
_SUBJECTS = 1000


@dataclass(frozen=True, slots=True)
class Affected:
    """A version that was made from what the person gave."""

    model: str
    version: str
    why: str
    """Never names a person."""


@dataclass(frozen=True, slots=True)
class Erased:
    removed: Mapping[str, int]
    """By store: records."""
    affected: Sequence[Affected] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """Somebody of whom a service holds something."""

    tenant: str
    subject: str
    since: int
    """Of the oldest record, in microseconds since 1970."""


class Eraser(Protocol):
    """What a service does about a person; safe to repeat."""

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        """``Unavailable`` where not all of it could be done yet: what was done stays done. Asked
        again for the same erasure it says the same versions, whatever has come between."""
        ...

    async def held(self) -> Sequence[Held]:
        """Everybody, each once."""
        ...


class ErasureServicer(ErasureServiceServicer):
    def __init__(self, eraser: Eraser) -> None:
        self._eraser = eraser

    async def Erase(self, request: messages.EraseRequest, context: Any) -> messages.EraseResponse:
        _check_caller()
        for name in ("tenant", "subject", "erasure_id"):
            if not getattr(request, name):
                raise InvalidArgument(
                    f"{name} is missing: say whom to erase, and as which erasure", field=name
                )
        erased = await self._eraser.erase(request.tenant, request.subject, request.erasure_id)
        affected = [
            messages.AffectedVersion(model=each.model, version=each.version, why=each.why)
            for each in erased.affected
        ]
        return messages.EraseResponse(removed=erased.removed, affected=affected)

    async def ListSubjects(
        self, request: messages.ListSubjectsRequest, context: Any
    ) -> messages.ListSubjectsResponse:
        """A page ends with the number of those before it: who comes meanwhile has a place among all."""
        _check_caller()
        if request.page and not request.page.isdecimal():
            raise InvalidArgument("page must be one that an answer before had", field="page")
        begin, limit = int(request.page or 0), request.limit if request.limit > 0 else _SUBJECTS
        everybody = sorted(await self._eraser.held())
        answer = messages.ListSubjectsResponse()
        for each in everybody[begin : begin + limit]:
            held = answer.subjects.add(tenant=each.tenant, subject=each.subject)
            held.since.FromMicroseconds(each.since)
        if begin + limit < len(everybody):
            answer.next_page = str(begin + limit)
        return answer


def _check_caller() -> None:
    caller = current().principal
    if (caller.tenant, caller.subject) != (_ERASING.tenant, _ERASING.subject):
        raise PermissionDenied("erasures are carried through by the memory service alone")
