"""Memories as they come."""

from dataclasses import dataclass
from datetime import datetime

from colonnade.errors import ColonnadeError
from colonnade.memory import metrics
from colonnade.memory.domain.ids import memory_id, utc_now
from colonnade.memory.domain.memories import Kind, Memory, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import Clock, MemoryStore, VectorIndex
from colonnade.memory.service.at_once import AtOnce
from colonnade.memory.service.callers import scope_of
from colonnade.memory.service.notices import Notices
from colonnade.security.audit import Trail
from colonnade.security.identity import Principal
from colonnade.security.inputs.once import Once
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class New:
    """What is to be remembered. None: as it comes."""

    text: str
    kind: Kind | None = None
    """A turn where there is a session, else a fact."""
    tier: Tier | None = None
    """Short for turns, else long."""
    session: str = ""
    importance: float | None = None
    pinned: bool = False
    role: str = ""
    people: tuple[str, ...] = ()
    happened_at: datetime | None = None

    def memory(self, scope: Scope, at: datetime) -> Memory:
        """``InvalidArgument`` or ``TooLarge``, naming the field."""
        kind = self.kind or (Kind.TURN if self.session else Kind.FACT)
        return Memory(
            id=memory_id(at),
            scope=scope,
            kind=kind,
            tier=self.tier or (Tier.SHORT if kind is Kind.TURN else Tier.LONG),
            text=self.text,
            happened_at=self.happened_at or at,
            created_at=at,
            session=self.session,
            importance=0.5 if self.importance is None else self.importance,
            pinned=self.pinned,
            role=self.role,
            people=self.people,
        )

    def once(self, principal: Principal, key: str) -> Once | None:
        """Of what was said, not of what it comes to: the moment is another one each time."""
        said = (self.kind, self.tier, self.session, self.text, self.importance, self.pinned, self.role)
        owner = f"{principal.tenant}/{principal.subject}"
        return Once.of(owner, key, "memory", repr(said), repr(self.people), repr(self.happened_at))


class Remembering:
    def __init__(
        self,
        store: MemoryStore,
        vectors: VectorIndex,
        at_once: AtOnce,
        trail: Trail,
        notices: Notices,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._store, self._vectors, self._at_once = store, vectors, at_once
        self._trail, self._notices, self._clock = trail, notices, clock

    async def remember(self, new: New, principal: Principal, key: str = "") -> Memory:
        """Kept when it returns, and embedded if that was quick; under a known key, what was made with it."""
        memory = new.memory(scope_of(principal), self._clock())
        kept = await self._store.add(memory, new.once(principal, key))
        if kept.id != memory.id:
            return kept
        metrics.REMEMBERED.labels(memory.kind.value).inc()
        self._trail.note("memory.remember", principal, "ok", memory=memory.id, kind=memory.kind.value)
        return await self._embedded(kept)

    async def _embedded(self, memory: Memory) -> Memory:
        """It is kept already: whatever goes wrong here is made good in the background."""
        try:
            if found := await self._at_once([memory.text]):
                await self._vectors.put(memory.scope, found.model, {memory.id: found.vectors[0]})
                metrics.EMBEDDED.labels("at_once").inc()
                return (await self._store.find([memory.scope], [memory.id])).get(memory.id, memory)
        except ColonnadeError as error:
            _LOG.warning("a vector was not kept; it will be made again", reason=error.message)
        self._notices.added()
        return memory
