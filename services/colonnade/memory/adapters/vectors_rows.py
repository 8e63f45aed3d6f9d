"""Vectors as rows: what both databases do alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.rows import passing, within
from colonnade.memory.adapters.tables import MEMORIES, SCOPES
from colonnade.memory.adapters.vector_tables import MODELS, VECTORS
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.ports import Unembedded

AT_ONCE = 1000
"""Ids in one statement."""
OF_A_MEMORY = and_(
    VECTORS.c.tenant == MEMORIES.c.tenant,
    VECTORS.c.subject == MEMORIES.c.subject,
    VECTORS.c.memory == MEMORIES.c.id,
)


@dataclass(frozen=True, slots=True)
class Model:
    number: int
    dimension: int
    """How many numbers its vectors have."""


async def model_of(connection: AsyncConnection, digest: str) -> Model | None:
    row = (await connection.execute(select(MODELS).where(MODELS.c.digest == digest))).first()
    return Model(row.number, row.dimension) if row else None


async def add_model(connection: AsyncConnection, digest: str, dimension: int) -> Model:
    """The one that is there, or a new one."""
    if (known := await model_of(connection, digest)) is None:
        await connection.execute(insert(MODELS).values(digest=digest, dimension=dimension))
        known = await model_of(connection, digest)
        assert known is not None
    return known


async def put(connection: AsyncConnection, scope: Scope, model: Model, vectors: Mapping[str, Any]) -> int:
    """``vectors`` are as the table keeps them; those of the same memories go. How many were put."""
    rest, put = iter(sorted(vectors)), 0
    while some := list(islice(rest, AT_ONCE)):
        there = select(MEMORIES.c.id).where(within(MEMORIES, [scope]), MEMORIES.c.id.in_(some))
        ids = sorted((await connection.scalars(there)).all())
        if not ids:
            continue
        await connection.execute(delete(VECTORS).where(within(VECTORS, [scope]), VECTORS.c.memory.in_(ids)))
        whose = {"tenant": scope.tenant, "subject": scope.subject, "model": model.number}
        rows = [whose | {"memory": memory, "vector": vectors[memory]} for memory in ids]
        await connection.execute(insert(VECTORS), rows)
        put += len(ids)
    return put


def of(scope: Scope, model: Model) -> ColumnElement[bool]:
    return and_(within(VECTORS, [scope]), VECTORS.c.model == model.number)


def let_through(columns: Sequence[Any], scope: Scope, model: Model, wanted: Filter) -> Select[Any]:
    """``columns`` of the vectors of a scope and model whose memories pass."""
    query = select(*columns).where(of(scope, model))
    if conditions := passing(wanted):
        query = query.join_from(VECTORS, MEMORIES, OF_A_MEMORY).where(*conditions)
    return query


async def missing(connection: AsyncConnection, model: Model | None, limit: int) -> list[Unembedded]:
    """Memories without a vector of ``model`` (of none: all), oldest first."""
    number = model.number if model else None
    if not await _lacking(connection, number):
        return []
    query = (
        select(MEMORIES.c.tenant, MEMORIES.c.subject, MEMORIES.c.id, MEMORIES.c.text)
        .outerjoin(VECTORS, and_(OF_A_MEMORY, VECTORS.c.model == number))
        .where(VECTORS.c.number.is_(None))
        .order_by(MEMORIES.c.id, MEMORIES.c.tenant, MEMORIES.c.subject)
        .limit(limit)
    )
    found: dict[Scope, dict[str, str]] = {}
    for row in await connection.execute(query):
        found.setdefault(Scope(row.tenant, row.subject), {})[row.id] = row.text
    return [Unembedded(scope, texts) for scope, texts in found.items()]


async def _lacking(connection: AsyncConnection, number: int | None) -> bool:
    """Asked again and again, and mostly there is nothing: so counts that are at hand are compared first."""
    memories = await connection.scalar(select(func.sum(SCOPES.c.memories))) or 0
    vectors = await connection.scalar(
        select(func.count()).select_from(VECTORS).where(VECTORS.c.model == number)
    )
    return int(memories) > int(vectors or 0)
