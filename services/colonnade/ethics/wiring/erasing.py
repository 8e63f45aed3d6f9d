"""The right to erasure, over all rooms of the service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from colonnade.ethics.decisions.domain import Held as HeldInRoom
from colonnade.rpc.erasure_servicer import Erased, Held
from colonnade.security.audit import AuditLog
from colonnade.storage.sql import micros

_PAGE = 1000
Erase: TypeAlias = Callable[[str, str], Awaitable[Mapping[str, int]]]
Holders: TypeAlias = Callable[[tuple[str, str], int], Awaitable[Sequence[HeldInRoom]]]


class RoomsEraser:
    """Implements ``rpc.erasure_servicer.Eraser``."""

    def __init__(
        self,
        erase: Sequence[Erase],
        holders: Sequence[Holders],
        trail: AuditLog,
        rewrite: Callable[[], Awaitable[None]],
    ) -> None:
        """``rewrite`` leaves nothing in files of what was deleted."""
        self._erase, self._holders, self._trail, self._rewrite = erase, holders, trail, rewrite

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        removed: dict[str, int] = {}
        for each in self._erase:
            removed |= await each(tenant, subject)
        await self._rewrite()
        removed["audit_keys"] = await self._trail.erase(tenant, subject)
        return Erased(removed)

    async def held(self) -> Sequence[Held]:
        """Since the oldest of what any room has."""
        since: dict[tuple[str, str], datetime] = {}
        for holders in self._holders:
            for each in await _all(holders):
                whose = each.tenant, each.subject
                since[whose] = min(each.since, since.get(whose, each.since))
        return [Held(*whose, micros(at)) for whose, at in since.items()]


async def _all(holders: Holders) -> Sequence[HeldInRoom]:
    found: list[HeldInRoom] = []
    after = "", ""
    while True:
        page = await holders(after, _PAGE)
        found += page
        if len(page) < _PAGE:
            return found
        after = page[-1].tenant, page[-1].subject
