"""The right to erasure, over all rooms of the service."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import merge
from itertools import groupby, islice
from typing import Any, TypeAlias

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.erasure.v1 import erasure_pb2 as messages
from colonnade.api.erasure.v1.erasure_pb2_grpc import ErasureServiceServicer
from colonnade.errors import InvalidArgument, PermissionDenied
from colonnade.ethics.decisions.domain import Held
from colonnade.rpc import current
from colonnade.security.audit import AuditLog
from colonnade.security.identity import Principal
from colonnade.security.inputs.names import subject_name, tenant_name

FULL_NAME = messages.DESCRIPTOR.services_by_name["ErasureService"].full_name
_ERASER = Principal.service("memory")
"""It carries erasures out; nobody else does."""
_PAGE, _MOST_PAGE = 1000, 10_000
_Context = grpc.aio.ServicerContext[Any, Any]
Erase: TypeAlias = Callable[[str, str], Awaitable[Mapping[str, int]]]
Holders: TypeAlias = Callable[[tuple[str, str], int], Awaitable[Sequence[Held]]]


class ErasureServicer(ErasureServiceServicer):
    def __init__(
        self,
        erase: Sequence[Erase],
        held: Sequence[Holders],
        trail: AuditLog,
        rewrite: Callable[[], Awaitable[None]],
    ) -> None:
        """``rewrite`` leaves nothing in files of what was deleted."""
        self._erase, self._held, self._trail, self._rewrite = erase, held, trail, rewrite

    async def Erase(self, request: messages.EraseRequest, context: _Context) -> messages.EraseResponse:
        _check_caller()
        tenant = tenant_name(request.tenant, "tenant")
        subject = subject_name(request.subject, "subject")
        removed: dict[str, int] = {}
        for each in self._erase:
            removed |= await each(tenant, subject)
        await self._rewrite()
        removed["audit_keys"] = await self._trail.erase(tenant, subject)
        await self._trail.record("erasure", _ERASER, "ok", erasure=request.erasure_id, removed=removed)
        return messages.EraseResponse(removed=removed)

    async def ListSubjects(
        self, request: messages.ListSubjectsRequest, context: _Context
    ) -> messages.ListSubjectsResponse:
        _check_caller()
        limit = request.limit or _PAGE
        if not 0 < limit <= _MOST_PAGE:
            raise InvalidArgument(
                f"limit must be from 1 to {_MOST_PAGE}; 0 is {_PAGE}", field="limit", limit=_MOST_PAGE
            )
        after = _after(request.page)
        found = [await each(after, limit + 1) for each in self._held]
        held = list(islice(_merged(found), limit + 1))
        next_page = _token(held[limit - 1]) if len(held) > limit else ""
        subjects = map(_subject, held[:limit])
        return messages.ListSubjectsResponse(subjects=subjects, next_page=next_page)


def _check_caller() -> None:
    principal = current().principal
    if (principal.tenant, principal.subject) != (_ERASER.tenant, _ERASER.subject):
        raise PermissionDenied("erasures are carried out by the memory service alone; ask it for one")


def _merged(found: Sequence[Sequence[Held]]) -> Iterator[Held]:
    """Each of whom there is something once, since the oldest of it."""
    for _, same in groupby(merge(*found, key=_key), _key):
        first, *others = same
        yield replace(first, since=min([first.since, *(each.since for each in others)]))


def _key(held: Held) -> tuple[str, str]:
    return held.tenant, held.subject


def _subject(held: Held) -> messages.HeldSubject:
    since = Timestamp()
    since.FromDatetime(held.since)
    return messages.HeldSubject(tenant=held.tenant, subject=held.subject, since=since)


def _token(held: Held) -> str:
    return f"{held.tenant}/{held.subject}"


def _after(page: str) -> tuple[str, str]:
    """Tenants have no slash in their names."""
    tenant, _, subject = page.partition("/")
    return tenant, subject
