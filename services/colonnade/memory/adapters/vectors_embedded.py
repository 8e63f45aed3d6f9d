"""Vectors beside SQLite. The rows of ``memory_vectors`` are the truth; what is here besides is made of them.

A scope with up to ``exact`` vectors of a model is searched exactly, from its rows, which are kept in memory
while there is room: how many there are and the largest number say whether they are the same still. A larger
one has an HNSW graph (usearch), which has no filters of its own: so it proposes more than is asked for, and
the rows that are there and pass are taken. Where too few of many proposals pass, and while a graph is made,
all rows that pass are looked through: never fewer are found than there are.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters import vectors_rows
from colonnade.memory.adapters.rows import asked_of, passing
from colonnade.memory.adapters.vector_tables import VECTORS
from colonnade.memory.adapters.vectors_checked import Floats, of_length, unit, units
from colonnade.memory.adapters.vectors_exact import STORED, Rows, best, nearest, rows_of
from colonnade.memory.adapters.vectors_graph import Graph
from colonnade.memory.adapters.vectors_graphs import Graphs, Key
from colonnade.memory.adapters.vectors_rows import Model, let_through, of
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Near
from colonnade.memory.ports import Unembedded, Vector
from colonnade.storage.sql import Database

EXACT = 4096
_MIB = 1024 * 1024
_COLUMNS = (VECTORS.c.number, VECTORS.c.memory, VECTORS.c.vector)
_STRETCH = 4096
"""Rows that are looked through at once."""
_FEWEST_PROPOSALS, _MOST_PROPOSALS = 64, 4096


class EmbeddedVectors:
    """Implements ``ports.VectorIndex``. Close it before its database."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        exact: int = EXACT,
        rows_bytes: int = 256 * _MIB,
        graphs_bytes: int = 1024 * _MIB,
    ) -> None:
        """``folder`` is for its files; the bytes are what it keeps in memory of rows, and of graphs."""
        self._database, self._exact = database, exact
        self._kept = _Kept(rows_bytes)
        self.graphs = Graphs(database, folder, most_bytes=graphs_bytes, at_least=exact)

    async def put(self, scope: Scope, model: str, vectors: Mapping[str, Vector]) -> None:
        if not vectors:
            return
        known = await self._model(model)
        checked = units(vectors, known.dimension if known else None)
        dimension = next(iter(checked.values())).size
        rows = {memory: vector.astype(STORED).tobytes() for memory, vector in checked.items()}

        async def work(connection: AsyncConnection) -> tuple[Model, int]:
            added = await vectors_rows.add_model(connection, model, dimension)
            for memory, vector in checked.items():  # another may have come first
                of_length(vector, added.dimension, f"vectors.{memory}")
            return added, await vectors_rows.put(connection, scope, added, rows)

        added, count = await self._database.write(work)
        self.graphs.came(Key(scope, model, added), count)

    async def nearest(
        self, scopes: Sequence[Scope], model: str, vector: Vector, wanted: Filter, limit: int
    ) -> Sequence[Near]:
        question, known = unit(vector, "vector"), await self._model(model)
        if known is None or limit <= 0:
            return []
        of_length(question, known.dimension, "vector")
        found: list[Near] = []
        for scope in asked_of(scopes, wanted):
            found += await self._of_one(_Search(Key(scope, model, known), question, wanted, limit))
        return best(found, limit)

    async def missing(self, model: str, limit: int) -> Sequence[Unembedded]:
        async with self._database.reading() as connection:
            return await vectors_rows.missing(
                connection, await vectors_rows.model_of(connection, model), limit
            )

    async def tidy(self) -> None:
        """Of vectors whose memories are gone nothing is left here, in files or in memory that is asked."""
        self._kept.clear()
        await self.graphs.tidy()

    async def close(self) -> None:
        await self.graphs.close()

    async def _model(self, digest: str) -> Model | None:
        async with self._database.reading() as connection:
            return await vectors_rows.model_of(connection, digest)

    async def _of_one(self, search: "_Search") -> list[Near]:
        async with self._database.reading() as connection:
            count, largest = await _state(connection, search.key, self._exact + 1)
            if not count:
                return []
            if count <= self._exact:
                return await self._of_few(connection, search, (count, largest))
        graph = await self.graphs.open(search.key)  # which may wait for a file: not with a connection in hand
        async with self._database.reading() as connection:
            return await _of_many(connection, search, graph)

    async def _of_few(
        self, connection: AsyncConnection, search: "_Search", state: tuple[int, int]
    ) -> list[Near]:
        rows = self._kept.get(search.key, state) or await self._read(connection, search.key, state)
        allowed = await _passing(connection, search)
        return await asyncio.to_thread(nearest, rows, search.question, search.limit, allowed)

    async def _read(self, connection: AsyncConnection, key: Key, state: tuple[int, int]) -> Rows:
        found: Sequence[Row[Any]] = (await connection.execute(_all_of(key))).all()
        rows = await asyncio.to_thread(rows_of, found, key.model.dimension)
        self._kept.keep(key, state, rows)
        return rows


def _all_of(key: Key) -> Select[Any]:
    return select(*_COLUMNS).where(of(key.scope, key.model))


class _Search:
    """One question of one scope."""

    def __init__(self, key: Key, question: Floats, wanted: Filter, limit: int) -> None:
        self.key, self.question, self.wanted, self.limit = key, question, wanted, limit

    def rows(self, *columns: Any) -> Any:
        return let_through(columns, self.key.scope, self.key.model, self.wanted)

    async def nearest(self, rows: Sequence[Row[Any]]) -> list[Near]:
        dimension = self.key.model.dimension
        return await asyncio.to_thread(lambda: nearest(rows_of(rows, dimension), self.question, self.limit))


async def _state(connection: AsyncConnection, key: Key, most: int) -> tuple[int, int]:
    """How many there are, counted up to ``most``, and the largest number."""
    newest = select(VECTORS.c.number).where(of(key.scope, key.model)).order_by(VECTORS.c.number.desc())
    numbers = newest.limit(most).subquery().c.number
    count, largest = (await connection.execute(select(func.count(), func.max(numbers)))).one()
    return count, largest or 0


async def _of_many(connection: AsyncConnection, search: _Search, graph: Graph | None) -> list[Near]:
    if graph is None:
        return await _looked_through(connection, search)
    up_to = graph.up_to  # it may take in more meanwhile
    proposed = await _proposed(connection, search, graph, up_to)
    if len(proposed) < search.limit:
        return await _looked_through(connection, search)
    return best([*proposed, *await _looked_through(connection, search, after=up_to)], search.limit)


async def _passing(connection: AsyncConnection, search: _Search) -> Any:
    """The numbers of those that the filter lets through; None where it lets all."""
    if not passing(search.wanted):
        return None
    return np.array((await connection.scalars(search.rows(VECTORS.c.number))).all(), np.int64)


async def _proposed(connection: AsyncConnection, search: _Search, graph: Graph, up_to: int) -> list[Near]:
    """Fewer than asked for where that would take too many proposals."""
    count = max(_FEWEST_PROPOSALS, 4 * search.limit)
    while True:
        numbers = await asyncio.to_thread(graph.propose, search.question, count)
        known = [number for number in numbers if number <= up_to]  # in SQL it would look like a range to scan
        rows = (await connection.execute(search.rows(*_COLUMNS).where(VECTORS.c.number.in_(known)))).all()
        if len(rows) >= search.limit or count >= _MOST_PROPOSALS or len(numbers) < count:
            return await search.nearest(rows) if rows else []
        count = min(8 * count, _MOST_PROPOSALS)


async def _looked_through(connection: AsyncConnection, search: _Search, *, after: int = 0) -> list[Near]:
    """Of all that pass, those with a number above ``after``."""
    found: list[Near] = []
    async for rows in _stretches(connection, search.rows(*_COLUMNS).where(VECTORS.c.number > after)):
        found = best([*found, *await search.nearest(rows)], search.limit)
    return found


async def _stretches(connection: AsyncConnection, query: Any) -> AsyncIterator[Sequence[Row[Any]]]:
    async with connection.stream(query) as result:
        async for rows in result.partitions(_STRETCH):
            yield rows


class _Kept:
    """Rows of scopes, those of them that were asked for last."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._rows: OrderedDict[Key, tuple[tuple[int, int], Rows]] = OrderedDict()

    def get(self, key: Key, state: tuple[int, int]) -> Rows | None:
        found = self._rows.get(key)
        if found is None or found[0] != state:
            return None
        self._rows.move_to_end(key)
        return found[1]

    def keep(self, key: Key, state: tuple[int, int], rows: Rows) -> None:
        self._drop(key)
        self._rows[key] = (state, rows)
        self._bytes += rows.bytes
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._rows)))

    def clear(self) -> None:
        self._rows.clear()
        self._bytes = 0

    def _drop(self, key: Key) -> None:
        if (found := self._rows.pop(key, None)) is not None:
            self._bytes -= found[1].bytes
