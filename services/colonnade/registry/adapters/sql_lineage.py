"""The graph in the registry's database."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.registry.adapters.lineage import add_edges, walk
from colonnade.registry.adapters.lineage_tables import LINEAGE_EDGES, LINEAGE_KEYS, LINEAGE_NODES
from colonnade.registry.adapters.tables import TARGETS, VERSIONS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.lineage.graph import Edge, Kind, Node, NodeKey, Place, Recorded, Relation, Traced
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

MAX_NODES = 10_000
_AT_ONCE = 500
"""Keys in one statement."""


class SqlLineageStore:
    """Implements ``lineage.ports.LineageStore``."""

    def __init__(self, database: Database, *, max_nodes: int = MAX_NODES) -> None:
        self._database = database
        self._max_nodes = max_nodes
        self._max_edges = max_nodes * 3 // 2

    async def record(self, edges: Sequence[Edge], *, by: str, at: datetime, once: Once | None) -> int:
        async def work(connection: AsyncConnection) -> int:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            await _check_versions(connection, edges)
            added = await add_edges(connection, edges, by, at)
            if once:
                await _remember(connection, once, added, at)
            if added:
                await tell(connection, "lineage.recorded", by=by, at=at, edges=added)
            return added

        return await self._database.write(work)

    async def trace(
        self, roots: Sequence[NodeKey], *, upstream: bool, downstream: bool, depth: int
    ) -> Traced:
        keys = [str(root) for root in roots]
        async with self._database.reading() as connection:
            await _check_there(connection, keys)
            up = await self._reached(connection, keys, depth, upstream=True) if upstream else _Reached()
            down = await self._reached(connection, keys, depth, upstream=False) if downstream else _Reached()
            reached = list(dict.fromkeys([*up.keys, *down.keys]))
            kept = set(reached[: self._max_nodes])
            edges = await self._edges(connection, up.keys, down.keys, kept)
            nodes = await _nodes(connection, reached[: self._max_nodes])
        truncated = up.more or down.more or len(reached) > len(kept) or len(edges) > self._max_edges
        return Traced(tuple(roots), nodes, edges[: self._max_edges], truncated)

    async def places(self, digest: str) -> Sequence[Place]:
        async with self._database.reading() as connection:
            return (await _places(connection, [digest]))[digest]

    async def _reached(
        self, connection: AsyncConnection, roots: Sequence[str], depth: int, *, upstream: bool
    ) -> "_Reached":
        rows = self._max_nodes + 1
        if depth:  # a node comes once for each of its distances
            rows *= 4
        query = walk(roots, upstream=upstream, depth=depth).limit(rows)
        found = list(await connection.scalars(query))
        return _Reached(tuple(dict.fromkeys(found)), more=len(found) == rows)

    async def _edges(
        self, connection: AsyncConnection, up: Sequence[str], down: Sequence[str], among: Set[str]
    ) -> list[Recorded]:
        """Out of what lies upstream, and into what lies downstream; perhaps one more than the limit."""
        found = dict[tuple[str, str, str], Recorded]()
        for column, keys in ((LINEAGE_EDGES.c.source, up), (LINEAGE_EDGES.c.target, down)):
            for some in _parts(keys):
                query = select(LINEAGE_EDGES).where(column.in_(some)).order_by(*LINEAGE_EDGES.primary_key)
                for row in await connection.execute(query.limit(self._max_edges + 1)):
                    if row.source in among and row.target in among and len(found) <= self._max_edges:
                        found[row.source, row.relation, row.target] = _edge(row)
        return sorted(found.values(), key=lambda edge: edge.at)


@dataclass(frozen=True, slots=True)
class _Reached:
    keys: tuple[str, ...] = ()
    """Nearest first."""
    more: bool = False
    """There may be more than the limit."""


async def _check_there(connection: AsyncConnection, roots: Sequence[str]) -> None:
    known = set(await connection.scalars(select(LINEAGE_NODES.c.key).where(LINEAGE_NODES.c.key.in_(roots))))
    for root in roots:
        if root not in known:
            raise NotFound(f"nothing was recorded of {root}", field="id")


async def _check_versions(connection: AsyncConnection, edges: Sequence[Edge]) -> None:
    """Versions enter the graph by their registration alone."""
    named = {node.key for edge in edges for node in (edge.source, edge.target)}
    for key in sorted(named):
        there = select(LINEAGE_NODES.c.key).where(LINEAGE_NODES.c.key == str(key))
        if key.kind is Kind.VERSION and await connection.scalar(there) is None:
            raise NotFound(f"no version has the digest {key.id}", field="edges")


async def _nodes(connection: AsyncConnection, keys: Sequence[str]) -> Sequence[Node]:
    found = dict[str, Node]()
    for some in _parts(keys):
        for row in await connection.execute(select(LINEAGE_NODES).where(LINEAGE_NODES.c.key.in_(some))):
            found[row.key] = Node(_key(row.key), row.label, json.loads(row.facts))
    digests = [node.key.id for node in found.values() if node.key.kind is Kind.VERSION]
    places = await _places(connection, digests)
    return [_placed(found[key], places) for key in keys if key in found]


def _placed(node: Node, places: Mapping[str, Sequence[Place]]) -> Node:
    if node.key.kind is not Kind.VERSION:
        return node
    here = tuple(places[node.key.id])
    if not here:
        return replace(node, facts={**node.facts, "deleted": "true"})
    return replace(node, label=f"{here[0].model}:{here[0].version}", places=here)


async def _places(connection: AsyncConnection, digests: Sequence[str]) -> Mapping[str, Sequence[Place]]:
    """By digest, the one that was registered first in front."""
    at = and_(TARGETS.c.model == VERSIONS.c.model, TARGETS.c.version == VERSIONS.c.number)
    aliases = defaultdict[tuple[str, str, int], list[str]](list)
    for some in _parts(digests):
        query = (
            select(VERSIONS.c.content, VERSIONS.c.model, VERSIONS.c.number, TARGETS.c.alias)
            .join(TARGETS, at, isouter=True)
            .where(VERSIONS.c.content.in_(some))
            .order_by(VERSIONS.c.created_at, VERSIONS.c.model, VERSIONS.c.number, TARGETS.c.alias)
        )
        for row in await connection.execute(query):
            aliases[row.content, row.model, row.number] += [row.alias] if row.alias else []
    found = defaultdict[str, list[Place]](list)
    for (content, model, number), names in aliases.items():
        found[content].append(Place(model, number, tuple(names)))
    return found


async def _recalled(connection: AsyncConnection, once: Once) -> int | None:
    mine = and_(LINEAGE_KEYS.c.owner == once.owner, LINEAGE_KEYS.c.key == once.key)
    row = (await connection.execute(select(LINEAGE_KEYS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return int(row.added)


async def _remember(connection: AsyncConnection, once: Once, added: int, at: datetime) -> None:
    await connection.execute(
        insert(LINEAGE_KEYS).values(
            owner=once.owner,
            key=once.key,
            fingerprint=once.fingerprint,
            added=added,
            created_at=micros(at),
        )
    )


def _edge(row: Row[Any]) -> Recorded:
    return Recorded(_key(row.source), Relation(row.relation), _key(row.target), moment_of(row.at), row.by)


def _key(text: str) -> NodeKey:
    kind, _, node_id = text.partition(":")
    return NodeKey(Kind(kind), node_id)


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))
