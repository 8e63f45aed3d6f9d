"""Adds to the graph, in the transaction of what is recorded. Nothing in it is changed or taken away."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import ColonnadeError, Conflict
from colonnade.registry.adapters.lineage_tables import LINEAGE_EDGES, LINEAGE_NODES
from colonnade.registry.domain import Version, source_name
from colonnade.registry.lineage.graph import (
    MAX_FACTS_BYTES,
    MAX_LABEL_BYTES,
    Edge,
    Kind,
    Node,
    NodeKey,
    Relation,
    facts_bytes,
    node_key,
)
from colonnade.storage.sql import micros


async def add_edges(
    connection: AsyncConnection, edges: Sequence[Edge], by: str, at: datetime, *, skip_cycles: bool = False
) -> int:
    """How many were not there yet. ``Conflict`` where one would close a cycle; ``skip_cycles`` leaves such a
    one out: what registers itself is not refused for what somebody said of it before."""
    added = 0
    for edge in edges:
        await keep_node(connection, edge.source)
        await keep_node(connection, edge.target)
        added += await _add_edge(connection, edge, by, at, skip_cycles)
    return added


async def keep_node(connection: AsyncConnection, node: Node) -> None:
    """What is known of it stays as it is; what is new is added, as far as there is room."""
    this = LINEAGE_NODES.c.key == str(node.key)
    known = (await connection.execute(select(LINEAGE_NODES).where(this))).first()
    if known is None:
        await connection.execute(
            insert(LINEAGE_NODES).values(key=str(node.key), label=node.label, facts=_facts(node.facts))
        )
        return
    facts = {**node.facts, **json.loads(known.facts)}
    if facts_bytes(facts) > MAX_FACTS_BYTES:
        facts = json.loads(known.facts)
    after = {"label": known.label or node.label, "facts": _facts(facts)}
    if after != {"label": known.label, "facts": known.facts}:
        await connection.execute(update(LINEAGE_NODES).where(this).values(**after))


async def record_version(connection: AsyncConnection, version: Version) -> None:
    """What a version came from, as far as its registration tells."""
    manifest = version.manifest
    own = Node(
        NodeKey(Kind.VERSION, manifest.digest),
        f"{manifest.name}:{manifest.version}",
        {"family": manifest.content.family, "size": manifest.content.size_label},
    )
    await keep_node(connection, own)
    edges = []
    if source := _source(version):
        edges.append(Edge(own, Relation.CONVERTED_FROM, source))
    if manifest.content.base:
        edges.append(Edge(own, Relation.DERIVED_FROM, Node(NodeKey(Kind.VERSION, manifest.content.base))))
    await add_edges(connection, edges, version.created_by, version.created_at, skip_cycles=True)


def source_label(source: str) -> str:
    """The name of what was converted, as much of it as a label takes."""
    return source_name(source).encode()[:MAX_LABEL_BYTES].decode(errors="ignore")


def walk(roots: Sequence[str], *, upstream: bool, depth: int = 0) -> Select[Any]:
    """The keys of what can be reached from ``roots``, nearest first. Without a depth each comes once, so that
    even a cycle would end; with one, once for each of its distances up to that."""
    here, there = LINEAGE_EDGES.c.source, LINEAGE_EDGES.c.target
    if not upstream:
        here, there = there, here
    start = select(LINEAGE_NODES.c.key.label("key"), literal(0).label("depth"))
    start = start.where(LINEAGE_NODES.c.key.in_(roots))
    reached = start.cte("reached", recursive=True)
    further = literal(0) if not depth else reached.c.depth + 1
    step = select(there, further).join(reached, here == reached.c.key)
    if depth:
        step = step.where(reached.c.depth < depth)
    return select(reached.union(step).c.key)


async def _add_edge(
    connection: AsyncConnection, edge: Edge, by: str, at: datetime, skip_cycles: bool
) -> bool:
    source, target = str(edge.source.key), str(edge.target.key)
    names = {"source": source, "relation": edge.relation.value, "target": target}
    same = select(LINEAGE_EDGES.c.at).filter_by(**names)
    if await connection.scalar(same) is not None:
        return False
    if await _is_upstream(connection, source, target):
        if skip_cycles:
            return False
        raise Conflict(
            f"{source} -> {edge.relation} -> {target} would close a cycle: {target} came from {source} "
            "already; ask `GET /lineage` how",
            field="edges",
        )
    await connection.execute(insert(LINEAGE_EDGES).values(**names, at=micros(at), by=by))
    return True


async def _is_upstream(connection: AsyncConnection, key: str, of: str) -> bool:
    """What is new has nothing downstream, so that it costs no walk through all that ``of`` came from."""
    downstream = select(LINEAGE_EDGES.c.source).where(LINEAGE_EDGES.c.target == key).limit(1)
    if await connection.scalar(downstream) is None:
        return False
    reached = walk([of], upstream=True).subquery()
    found = select(reached.c.key).where(reached.c.key == key).limit(1)
    return await connection.scalar(found) is not None


def _source(version: Version) -> Node | None:
    """None where nothing is known of it that could name a node."""
    try:
        return Node(node_key(Kind.SOURCE, version.source_digest), source_label(version.source))
    except ColonnadeError:
        return None


def _facts(facts: object) -> str:
    return json.dumps(facts, sort_keys=True)
