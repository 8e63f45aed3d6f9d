"""Vectors for memories that have none of the model that embeds now: oldest first, each tenant in its turn."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.memory import metrics
from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import Embedder, MemoryStore, Unembedded, VectorIndex
from colonnade.telemetry import get_logger

BATCH = 64
_LOOKED_AT = 16 * BATCH
_MOST_REFUSED = 10_000
_LOG = get_logger(__name__)
_Text = tuple[Scope, str, str]


class Embedding:
    def __init__(
        self,
        store: MemoryStore,
        vectors: VectorIndex,
        embedder: Embedder,
        acting: Callable[[str], AbstractContextManager[object]],
    ) -> None:
        """Within ``acting`` calls are this service's own, for a tenant."""
        self._store, self._vectors, self._embedder, self._acting = store, vectors, embedder, acting
        self._refused: dict[str, str] = {}
        """What a model would not embed, by memory id."""

    async def turn(self) -> bool:
        """A batch of each tenant; whether anything came of it."""
        if not await self._store.scopes(after=None, limit=1):
            return False
        model = await self._embedder.model()
        missing = await self._vectors.missing(model, _LOOKED_AT + len(self._refused))
        made = 0
        for tenant, texts in self._turns(model, missing).items():
            with self._acting(tenant):
                made += await self._embed(model, texts)
        return made > 0

    def _turns(self, model: str, missing: Sequence[Unembedded]) -> Mapping[str, Sequence[_Text]]:
        """A batch of each tenant."""
        turns: dict[str, list[_Text]] = {}
        for each in missing:
            batch = turns.setdefault(each.scope.tenant, [])
            wanted = (
                (each.scope, id_, text) for id_, text in each.texts.items() if self._refused.get(id_) != model
            )
            batch += list(wanted)[: BATCH - len(batch)]
        return {tenant: batch for tenant, batch in turns.items() if batch}

    async def _embed(self, model: str, texts: Sequence[_Text]) -> int:
        """How many got a vector. What is refused alone is not asked for again; it is found by its words."""
        try:
            embedded = await self._embedder.embed([text for _, _, text in texts])
        except (InvalidArgument, TooLarge) as error:
            if len(texts) > 1:
                return sum([await self._embed(model, [each]) for each in texts])
            _LOG.warning("a memory cannot be embedded", memory=texts[0][1], reason=error.message)
            if len(self._refused) >= _MOST_REFUSED:
                self._refused.clear()
            self._refused[texts[0][1]] = model
            return 0
        by_scope: dict[Scope, dict[str, Sequence[float]]] = {}
        for (scope, id_, _), vector in zip(texts, embedded.vectors, strict=True):
            by_scope.setdefault(scope, {})[id_] = vector
        for scope, vectors in by_scope.items():
            await self._vectors.put(scope, embedded.model, vectors)
        metrics.EMBEDDED.labels("later").inc(len(texts))
        return len(texts)
