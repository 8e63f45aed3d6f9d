"""One memory at a time: shown, changed in how much it matters, judged, erased."""

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from colonnade.errors import InvalidArgument
from colonnade.memory import metrics
from colonnade.memory.domain.memories import Kind, Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.ports import MemoryStore
from colonnade.memory.service.callers import check_id, page_of, scope_of, unknown
from colonnade.memory.service.notices import Notices
from colonnade.memory.service.searching import check_filter
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal

MOST_VOTES = 100
_PAGE = 200
_FACTS = Filter(kinds=frozenset({Kind.FACT}), own=True)


class Memories:
    def __init__(self, store: MemoryStore, trail: Trail, notices: Notices) -> None:
        self._store, self._trail, self._notices = store, trail, notices

    async def page(
        self, wanted: Filter, principal: Principal, *, limit: int = 0, page: str = ""
    ) -> tuple[Sequence[Memory], str]:
        """Newest first, and the token of the next page, if there is one."""
        check_filter(wanted)
        size = page_of(limit, page)
        scope = scope_of(principal)
        scopes = (scope,) if wanted.own else scope.seen
        found = await self._store.page(scopes, wanted, before=page, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def get(self, memory_id: str, principal: Principal) -> Memory:
        """``NotFound`` also for what is somebody else's: nobody learns that it is there."""
        check_id(memory_id)
        found = await self._store.find(scope_of(principal).seen, [memory_id])
        if memory_id not in found:
            raise unknown("memory", memory_id)
        return found[memory_id]

    async def revise(
        self, memory_id: str, principal: Principal, *, importance: float | None, pinned: bool | None
    ) -> Memory:
        if importance is not None and not (math.isfinite(importance) and 0 <= importance <= 1):
            raise InvalidArgument("importance must be from 0 to 1", field="importance")
        memory = await self._no_piece(memory_id, principal, "does not fade")

        def revised(before: Memory) -> Memory:
            return replace(
                before,
                importance=before.importance if importance is None else importance,
                pinned=before.pinned if pinned is None else pinned,
            )

        return await self._store.change(memory.scope, memory.id, revised)

    async def rate(self, memory_id: str, principal: Principal, *, useful: bool) -> Memory:
        """What was of use fades later, what was not sooner."""
        memory = await self._no_piece(memory_id, principal, "does not fade")

        def rated(before: Memory) -> Memory:
            votes = before.votes + (1 if useful else -1)
            return replace(before, votes=max(-MOST_VOTES, min(MOST_VOTES, votes)))

        return await self._store.change(memory.scope, memory.id, rated)

    async def forget(self, memory_id: str, principal: Principal) -> int:
        """Erases it, and what says the same: a fact that was made of it, what a fact was made of, and the
        summary of its session, which is written anew. How many memories it were."""
        memory = await self._no_piece(memory_id, principal, "is deleted with it")
        facts = {"memory": memory.id, "kind": memory.kind.value}
        async with privileged(self._trail, "memory.forget", principal, acknowledge=True, **facts) as learnt:
            if memory.kind is Kind.TURN:
                await self._retract_summary(memory)
            ids = [memory.id, *memory.made_of]
            if memory.kind is Kind.EPISODE:
                ids += [fact.id async for fact in self._facts(memory.scope) if memory.id in fact.made_of]
            learnt["forgotten"] = forgotten = await self._store.forget(memory.scope, ids)
        metrics.FORGOTTEN.labels("asked").inc(forgotten)
        self._notices.removed(memory.scope)
        return forgotten

    async def _no_piece(self, memory_id: str, principal: Principal, but: str) -> Memory:
        memory = await self.get(memory_id, principal)
        if memory.source is not None:
            raise InvalidArgument(
                f"{memory_id} is a piece of the document {memory.source.document}, and {but}; "
                "delete the document, if it is to go",
                field="id",
            )
        return memory

    async def _retract_summary(self, turn: Memory) -> None:
        session = await self._store.session(turn.scope, turn.session)
        if session and session.summary and turn.id <= session.summarised:
            await self._store.summarise(turn.scope, turn.session, "", "")

    async def _facts(self, scope: Scope) -> AsyncIterator[Memory]:
        before = ""
        while found := await self._store.page([scope], _FACTS, before=before, limit=_PAGE):
            for fact in found:
                yield fact
            before = found[-1].id
