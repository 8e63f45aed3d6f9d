"""Episodes of one owner that say nearly the same become one fact.

Each new episode, oldest first, is compared with the nearest ones; it and those that are near enough and were
not used yet become a fact. The fact's ``made_of`` is the only record of that: a service that is killed before
it is written begins the group again, one that is killed after it finds its episodes used."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from colonnade.memory import metrics
from colonnade.memory.domain.ids import memory_id, utc_now
from colonnade.memory.domain.memories import MAX_PEOPLE, Kind, Memory, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.ports import Clock, Embedder, MemoryStore, Vector, VectorIndex, Writer
from colonnade.memory.service.notices import Notices
from colonnade.memory.service.upkeep.embedding import BATCH
from colonnade.memory.service.upkeep.rounds import Rounds
from colonnade.security.inputs.once import Once

SIMILAR = 0.85
_NEAREST = 50
_PAGE = 200
_MOST_EPISODES = 5000
_MOST_SCOPES = 10_000
_OWNER = "platform/memory"
_EPISODES = Filter(kinds=frozenset({Kind.EPISODE}), own=True)
_FACTS = Filter(kinds=frozenset({Kind.FACT}), own=True)


class Consolidating:
    def __init__(
        self,
        store: MemoryStore,
        vectors: VectorIndex,
        embedder: Embedder,
        writer: Writer,
        acting: Callable[[str], AbstractContextManager[object]],
        notices: Notices,
        *,
        similar: float = SIMILAR,
        clock: Clock = utc_now,
        rounds: Rounds | None = None,
    ) -> None:
        self._store, self._vectors, self._embedder = store, vectors, embedder
        self._writer, self._acting, self._notices = writer, acting, notices
        self._similar, self._clock, self._rounds = similar, clock, rounds or Rounds(store)
        self._seen: OrderedDict[Scope, str] = OrderedDict()
        """Up to which episode there is nothing left to do; forgotten with the process."""

    def again(self, scope: Scope) -> None:
        """Something of it was erased: what was used before may be free now."""
        self._seen.pop(scope, None)

    async def turn(self) -> bool:
        for scope in await self._rounds.next():
            if fresh := await self._fresh(scope):
                with self._acting(scope.tenant):
                    await self._consolidate(scope, fresh)
        return self._rounds.passed()

    async def _fresh(self, scope: Scope) -> list[Memory]:
        """Oldest first; up to the first one that has no vector yet."""
        seen, before = self._seen.get(scope, ""), ""
        newest = await self._store.page([scope], _EPISODES, before="", limit=1)
        if not newest or newest[0].id <= seen:
            return []
        found: list[Memory] = []
        while page := await self._store.page([scope], _EPISODES, before=before, limit=_PAGE):
            found += [episode for episode in page if episode.id > seen]
            if page[-1].id <= seen or len(found) >= _MOST_EPISODES:
                break
            before = page[-1].id
        found.reverse()
        bare = next((at for at, episode in enumerate(found) if not episode.embedded), len(found))
        return found[:bare]

    async def _consolidate(self, scope: Scope, fresh: Sequence[Memory]) -> None:
        used = await self._used(scope)
        for start in range(0, len(fresh), BATCH):
            batch = fresh[start : start + BATCH]
            embedded = await self._embedder.embed([episode.text for episode in batch])
            for episode, vector in zip(batch, embedded.vectors, strict=True):
                if episode.id not in used:
                    group = await self._group(scope, episode, embedded.model, vector, used)
                    used.update(group)
        self._seen[scope] = fresh[-1].id
        self._seen.move_to_end(scope)
        if len(self._seen) > _MOST_SCOPES:
            self._seen.popitem(last=False)

    async def _used(self, scope: Scope) -> set[str]:
        used: set[str] = set()
        before = ""
        while page := await self._store.page([scope], _FACTS, before=before, limit=_PAGE):
            used.update(id_ for fact in page for id_ in fact.made_of)
            before = page[-1].id
        return used

    async def _group(
        self, scope: Scope, episode: Memory, model: str, vector: Vector, used: set[str]
    ) -> Sequence[str]:
        """The ids that became a fact, if any did."""
        near = await self._vectors.nearest([scope], model, vector, _EPISODES, _NEAREST)
        alike = {each.id for each in near if each.cosine >= self._similar} - used
        members = await self._store.find([scope], sorted(alike | {episode.id}))
        if len(members) < 2 or episode.id not in members:
            return ()
        await self._keep(scope, [members[id_] for id_ in sorted(members)])
        return tuple(members)

    async def _keep(self, scope: Scope, members: Sequence[Memory]) -> None:
        texts = [member.text for member in members]
        text = await self._writer.shorten(texts, max(map(len, texts))) or texts[0]
        ids = tuple(member.id for member in members)
        if len(await self._store.find([scope], ids)) < len(ids):
            return  # one was forgotten meanwhile, and what was written may say it
        now = self._clock()
        fact = Memory(
            id=memory_id(now), scope=scope, kind=Kind.FACT, tier=Tier.LONG, text=text,
            happened_at=max(member.happened_at for member in members), created_at=now,
            importance=max(member.importance for member in members),
            people=tuple(sorted({who for member in members for who in member.people})[:MAX_PEOPLE]),
            made_of=ids,
        )  # fmt: skip
        key = hashlib.sha256("\0".join(ids).encode()).hexdigest()
        await self._store.add(fact, Once.of(_OWNER, key, "consolidated"))
        metrics.CONSOLIDATED.inc()
        self._notices.added()
