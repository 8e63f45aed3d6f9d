"""Vectors in PostgreSQL, with pgvector: rows that a transaction sees, searches and erases as all others.

The column has no fixed number of dimensions, and no index could be on such a one: each model has a partial
index of its own (HNSW, cosine) over the column cast to its dimension, made with its first vector. So another
model may be chosen at any time, whatever its dimension, and while memories are embedded anew the vectors of
the old one are not in the way of the new one's.

Whose a vector is stands in the query, not in the index: so a scope with few vectors, or a filter that few
pass, is looked through exactly, by the key. Only where many pass is the index asked, which goes on until
enough have passed (``hnsw.iterative_scan``); if it gives up before, they are looked through all the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import cast, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters import vectors_rows
from colonnade.memory.adapters.rows import asked_of
from colonnade.memory.adapters.vector_tables import VECTORS
from colonnade.memory.adapters.vectors_checked import Floats, of_length, unit, units
from colonnade.memory.adapters.vectors_exact import best
from colonnade.memory.adapters.vectors_rows import Model, let_through
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Near
from colonnade.memory.ports import Unembedded, Vector
from colonnade.storage.sql import Database

EXACT = 4096
_SCANNED = 40_000
"""Vectors of whatever scope that the index looks at before it gives up."""


class PgVectors:
    """Implements ``ports.VectorIndex``."""

    def __init__(self, database: Database, *, exact: int = EXACT) -> None:
        self._database, self._exact = database, exact

    async def put(self, scope: Scope, model: str, vectors: Mapping[str, Vector]) -> None:
        if not vectors:
            return
        async with self._database.reading() as connection:
            known = await vectors_rows.model_of(connection, model)
        checked = units(vectors, known.dimension if known else None)
        if known is None:
            known = await self._new_model(model, next(iter(checked.values())).size)
            checked = units(vectors, known.dimension)  # another may have come first
        added, rows = known, {memory: _halves(vector) for memory, vector in checked.items()}

        async def work(connection: AsyncConnection) -> int:
            return await vectors_rows.put(connection, scope, added, rows)

        await self._database.write(work)

    async def nearest(
        self, scopes: Sequence[Scope], model: str, vector: Vector, wanted: Filter, limit: int
    ) -> Sequence[Near]:
        question = unit(vector, "vector")
        async with self._database.reading() as connection:
            known = await vectors_rows.model_of(connection, model)
            if known is None or limit <= 0:
                return []
            of_length(question, known.dimension, "vector")
            found: list[Near] = []
            for scope in asked_of(scopes, wanted):
                found += await self._of_one(connection, _Search(scope, known, question, wanted, limit))
        return best(found, limit)

    async def missing(self, model: str, limit: int) -> Sequence[Unembedded]:
        async with self._database.reading() as connection:
            return await vectors_rows.missing(
                connection, await vectors_rows.model_of(connection, model), limit
            )

    async def tidy(self) -> None:
        """Nothing is kept outside of the database."""

    async def close(self) -> None:
        """The database is whoever opened it's."""

    async def _new_model(self, digest: str, dimension: int) -> Model:
        async def work(connection: AsyncConnection) -> Model:
            model = await vectors_rows.add_model(connection, digest, dimension)
            await connection.execute(
                text(
                    f"CREATE INDEX IF NOT EXISTS memory_vectors_of_{model.number} ON memory_vectors"
                    f" USING hnsw ((vector::halfvec({model.dimension})) halfvec_cosine_ops)"
                    f" WHERE model = {model.number}"
                )
            )
            return model

        return await self._database.write(work, alone=True)

    async def _of_one(self, connection: AsyncConnection, search: "_Search") -> list[Near]:
        some = search.query(VECTORS.c.number).limit(self._exact + 1).subquery()
        if (await connection.scalar(select(func.count()).select_from(some)) or 0) > self._exact:
            found = await search.by_index(connection)
            if len(found) >= search.limit:
                return found
        return await search.exactly(connection)


class _Search:
    """One question of one scope."""

    def __init__(self, scope: Scope, model: Model, question: Floats, wanted: Filter, limit: int) -> None:
        self._scope, self._model, self._wanted, self.limit = scope, model, wanted, limit
        kind = HALFVEC(model.dimension)
        # As the index has it.
        self._distance = cast(VECTORS.c.vector, kind).cosine_distance(cast(_halves(question), kind))

    def query(self, *columns: Any) -> Any:
        """The model's number stands in it, so that it is plain that the model's own index will do."""
        query = let_through(columns, self._scope, self._model, self._wanted)
        return query.where(VECTORS.c.model == literal_column(str(self._model.number)))

    async def by_index(self, connection: AsyncConnection) -> list[Near]:
        for setting in (
            "hnsw.iterative_scan = strict_order",
            f"hnsw.max_scan_tuples = {_SCANNED}",
            f"hnsw.ef_search = {min(1000, max(100, 2 * self.limit))}",
        ):
            await connection.execute(text(f"SET LOCAL {setting}"))
        distance = self._distance.label("distance")
        query = self.query(VECTORS.c.memory, distance).order_by(distance).limit(self.limit)
        return self._near((await connection.execute(query)).all())

    async def exactly(self, connection: AsyncConnection) -> list[Near]:
        """Materialised, so that the index is not asked after all."""
        passing = self.query(VECTORS.c.memory, self._distance.label("distance")).cte("passing")
        passing = passing.prefix_with("MATERIALIZED")
        query = select(passing).order_by(passing.c.distance, passing.c.memory).limit(self.limit)
        return self._near((await connection.execute(query)).all())

    def _near(self, rows: Sequence[Any]) -> list[Near]:
        return best((Near(row.memory, 1 - row.distance) for row in rows), self.limit)


def _halves(vector: Floats) -> list[float]:
    found: list[float] = vector.astype(np.float16).tolist()
    return found
