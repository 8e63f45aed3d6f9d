"""The memory service's own part of an erasure."""

from collections.abc import AsyncIterator, Awaitable, Callable

from colonnade.memory import metrics
from colonnade.memory.domain.erasures import Erased, Held
from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import AuditKeys, MemoryStore
from colonnade.memory.service.notices import Notices


class OwnEraser:
    """Implements ``ports.Eraser``."""

    def __init__(
        self, store: MemoryStore, keys: AuditKeys, notices: Notices, tidy: Callable[[], Awaitable[None]]
    ) -> None:
        """``tidy`` overwrites what was deleted, in files, indexes and logs of the database."""
        self._store, self._keys, self._notices, self._tidy = store, keys, notices, tidy

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        scope = Scope(tenant, subject)
        removed = dict(await self._store.erase(scope))
        metrics.FORGOTTEN.labels("erased").inc(removed.get("memories", 0))
        self._notices.removed(scope)
        await self._tidy()
        removed["audit_keys"] = await self._keys.erase(tenant, subject)
        return Erased({store: count for store, count in removed.items() if count})

    async def held(self) -> AsyncIterator[Held]:
        after: Scope | None = None
        while found := await self._store.held(after=after):
            for each in found:
                yield each
            after = Scope(found[-1].tenant, found[-1].subject)
