"""Forgets what has faded. Pieces of documents, and what is pinned, never do."""

from collections import Counter

from colonnade.memory import metrics
from colonnade.memory.domain.ids import utc_now
from colonnade.memory.domain.memories import Kind
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.ports import Clock, MemoryStore
from colonnade.memory.service.notices import Notices
from colonnade.memory.service.upkeep.rounds import Rounds
from colonnade.security.audit import Trail
from colonnade.security.identity import Principal, Role

_PAGE = 500
_FADING = Filter(kinds=frozenset(Kind) - {Kind.CHUNK}, own=True)


class Fading:
    def __init__(
        self,
        store: MemoryStore,
        trail: Trail,
        notices: Notices,
        *,
        below: float,
        clock: Clock = utc_now,
        rounds: Rounds | None = None,
    ) -> None:
        """What is weaker than ``below`` is forgotten."""
        self._store, self._trail, self._notices = store, trail, notices
        self._below, self._clock, self._rounds = below, clock, rounds or Rounds(store)

    async def turn(self) -> bool:
        for scope in await self._rounds.next():
            await self._sweep(scope)
        return self._rounds.passed()

    async def _sweep(self, scope: Scope) -> None:
        """The record says how many of what, and not which: it outlives them."""
        forgotten: Counter[str] = Counter()
        before = ""
        while found := await self._store.page([scope], _FADING, before=before, limit=_PAGE):
            now, before = self._clock(), found[-1].id
            weak = [memory for memory in found if memory.strength(now) < self._below]
            if weak and await self._store.forget(scope, [memory.id for memory in weak]):
                forgotten.update(memory.kind.value for memory in weak)
        if forgotten:
            facts = {"weaker_than": self._below, "forgotten": dict(forgotten)}
            who = Principal(scope.tenant, scope.subject, frozenset({Role.SERVICE}))
            self._trail.note("memory.fade", who, "ok", **facts)
            metrics.FORGOTTEN.labels("faded").inc(forgotten.total())
            self._notices.removed(scope)
