"""Vectors in memory, beside a store in memory, that pass the contract suite."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from colonnade.memory.adapters.vectors_checked import Floats, of_length, unit, units
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Near
from colonnade.memory.ports import Unembedded, Vector
from tests.unit.memory.fakes import FakeMemoryStore, passes


class FakeVectorIndex:
    """Implements ``ports.VectorIndex``."""

    def __init__(self, store: FakeMemoryStore) -> None:
        self._store = store
        self._vectors: dict[tuple[Scope, str], tuple[str, Floats]] = {}
        self._dimensions: dict[str, int] = {}

    async def put(self, scope: Scope, model: str, vectors: Mapping[str, Vector]) -> None:
        self._drop()
        for memory, vector in units(vectors, self._dimensions.get(model)).items():
            self._dimensions[model] = vector.size
            if found := self._store.memories.get((scope, memory)):
                self._vectors[scope, memory] = (model, vector)
                self._store.memories[scope, memory] = replace(found, embedded=True)

    async def nearest(
        self, scopes: Sequence[Scope], model: str, vector: Vector, wanted: Filter, limit: int
    ) -> Sequence[Near]:
        self._drop()
        asked = unit(vector, "vector")
        of_length(asked, self._dimensions.get(model, asked.size), "vector")
        found = [
            Near(memory.id, float(np.dot(self._vectors[key][1], asked)))
            for key, memory in self._store.memories.items()
            if key[0] in scopes and passes(memory, wanted) and self._vectors.get(key, ("",))[0] == model
        ]
        return sorted(found, key=lambda near: (-round(near.cosine, 9), near.id))[:limit]

    async def missing(self, model: str, limit: int) -> Sequence[Unembedded]:
        memories = sorted(self._store.memories.items(), key=lambda each: (each[1].id, each[0]))
        lacking = [memory for key, memory in memories if self._vectors.get(key, ("",))[0] != model]
        found: dict[Scope, dict[str, str]] = {}
        for memory in lacking[:limit]:
            found.setdefault(memory.scope, {})[memory.id] = memory.text
        return [Unembedded(scope, texts) for scope, texts in found.items()]

    def _drop(self) -> None:
        """Vectors of what the store has forgotten."""
        self._vectors = {key: each for key, each in self._vectors.items() if key in self._store.memories}
