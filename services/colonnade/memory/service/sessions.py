"""Sessions: shown, and ended."""

from collections.abc import Sequence

from colonnade.memory import metrics
from colonnade.memory.domain.memories import MAX_SESSION_BYTES
from colonnade.memory.domain.sessions import Session
from colonnade.memory.ports import MemoryStore
from colonnade.memory.service.callers import page_of, scope_of
from colonnade.memory.service.notices import Notices
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text


class Sessions:
    def __init__(self, store: MemoryStore, trail: Trail, notices: Notices) -> None:
        self._store, self._trail, self._notices = store, trail, notices

    async def page(
        self, principal: Principal, *, limit: int = 0, page: str = ""
    ) -> tuple[Sequence[Session], str]:
        """Latest first, and the token of the next page, if there is one."""
        size = page_of(limit, page)
        found = await self._store.sessions(scope_of(principal), before=page, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def end(self, session: str, principal: Principal) -> int:
        """Forgets its turns, what was kept for its task, and its summary; how many memories."""
        check_text(session, "session", MAX_SESSION_BYTES, controls="line")
        scope = scope_of(principal)
        async with privileged(self._trail, "memory.session.end", principal, acknowledge=True) as learnt:
            learnt["forgotten"] = forgotten = await self._store.end_session(scope, session)
        metrics.FORGOTTEN.labels("session").inc(forgotten)
        self._notices.removed(scope)
        return forgotten
