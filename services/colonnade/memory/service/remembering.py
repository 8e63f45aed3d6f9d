"""Memories as they come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from colonnade.errors import ColonnadeError
from colonnade.memory import metrics
from colonnade.memory.domain.ids import memory_id, utc_now
from colonnade.memory.domain.memories import Kind, Memory, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import Clock, MemoryStore, VectorIndex
from colonnade.memory.service.at_once import AtOnce
from colonnade.memory.service.callers import check_room, scope_of
from colonnade.memory.service.notices import Notices
from colonnade.security.audit import Trail
from colonnade.security.identity import Principal
from colonnade.security.inputs.once import Once
from colonnade.telemetry import get_logger

MOST = 200_000
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


@dataclass(frozen=True, slots=True)
class NewExchange:
    """What was asked in a session, and what was answered."""

    session: str
    asked: str
    answered: str

    @property
    def turns(self) -> tuple[New, New]:
        asked = New(self.asked, session=self.session, role="user")
        return asked, New(self.answered, session=self.session, role="assistant")


class Remembering:
    def __init__(
        self,
        store: MemoryStore,
        vectors: VectorIndex,
        at_once: AtOnce,
        trail: Trail,
        notices: Notices,
        *,
        most: int = MOST,
        clock: Clock = utc_now,
    ) -> None:
        """``most``: of one subject's memories."""
        self._store, self._vectors, self._at_once = store, vectors, at_once
        self._most = most
        self._trail, self._notices, self._clock = trail, notices, clock

    async def remember(self, new: New, principal: Principal, key: str = "") -> Memory:
        """Kept when it returns, and embedded if that was quick; under a known key, what was made with it."""
        return (await self._remember([(new, key)], principal))[0]

    async def remember_exchange(
        self, new: NewExchange, principal: Principal, key: str = ""
    ) -> Sequence[Memory]:
        """Both turns, in their order, or neither."""
        turns = [(turn, f"{key}-{turn.role}" if key else "") for turn in new.turns]
        return await self._remember(turns, principal)

    async def _remember(self, new: Sequence[tuple[New, str]], principal: Principal) -> Sequence[Memory]:
        """Each with the key that it comes under."""
        scope = scope_of(principal)
        memories = [each.memory(scope, self._clock()) for each, _ in new]
        check_room(await self._store.count(scope), len(memories), self._most)
        onces = [each.once(principal, key) for each, key in new]
        kept = await self._store.add_all(list(zip(memories, onces, strict=True)))
        ids = {memory.id for memory in memories}
        fresh = [memory for memory in kept if memory.id in ids]
        for memory in fresh:
            metrics.REMEMBERED.labels(memory.kind.value).inc()
            self._trail.note("memory.remember", principal, "ok", memory=memory.id, kind=memory.kind.value)
        embedded = await self._embedded(fresh) if fresh else {}
        return [embedded.get(memory.id, memory) for memory in kept]

    async def _embedded(self, fresh: Sequence[Memory]) -> Mapping[str, Memory]:
        """They are kept already: whatever goes wrong here is made good in the background."""
        scope = fresh[0].scope
        try:
            if found := await self._at_once([memory.text for memory in fresh]):
                ids = [memory.id for memory in fresh]
                await self._vectors.put(scope, found.model, dict(zip(ids, found.vectors, strict=True)))
                metrics.EMBEDDED.labels("at_once").inc(len(ids))
                return await self._store.find([scope], ids)
        except ColonnadeError as error:
            _LOG.warning("vectors were not kept; they will be made again", reason=error.message)
        self._notices.added()
        return {}
