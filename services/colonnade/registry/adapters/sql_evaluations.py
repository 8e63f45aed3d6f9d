"""Evaluations in the registry's database, and in the graph of what came from what."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters.evaluation_tables import EVALUATIONS
from colonnade.registry.adapters.lineage import add_edges
from colonnade.registry.adapters.tables import VERSIONS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.evaluations.evaluation import ROLLOUT, Evaluation, Measured
from colonnade.registry.lineage.graph import Edge, Kind, Node, NodeKey, Relation
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

MOST = 10_000
"""Of one version, of those that people record."""


class SqlEvaluationStore:
    """Implements ``evaluations.ports.EvaluationStore``."""

    def __init__(self, database: Database, *, most: int = MOST) -> None:
        self._database = database
        self._most = most

    async def record(self, evaluation: Evaluation, *, once: Once | None) -> Evaluation:
        async def work(connection: AsyncConnection) -> Evaluation:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            count = select(func.count()).select_from(EVALUATIONS).where(_of(evaluation.measured))
            if (await connection.scalar(count) or 0) >= self._most:
                raise Conflict(f"the version has {self._most} evaluations already", field="version")
            await add_evaluation(connection, evaluation, once)
            return evaluation

        return await self._database.write(work)

    async def page(self, model: str, version: int, *, before: str, limit: int) -> Sequence[Evaluation]:
        query = select(EVALUATIONS).where(EVALUATIONS.c.model == model)
        if version:
            query = query.where(EVALUATIONS.c.version == version)
        if before:
            query = query.where(EVALUATIONS.c.id < before)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(EVALUATIONS.c.id.desc()).limit(limit))
            return [_evaluation(row) for row in found]


async def add_evaluation(
    connection: AsyncConnection, evaluation: Evaluation, once: Once | None = None
) -> None:
    """Within the transaction of what it was made for. ``NotFound`` where there is no such version."""
    measured = evaluation.measured
    there = and_(VERSIONS.c.model == measured.model, VERSIONS.c.number == measured.version)
    digest = await connection.scalar(select(VERSIONS.c.content).where(there))
    if digest is None:
        raise NotFound(f"model {measured.model} has no version {measured.version}", field="version")
    await connection.execute(insert(EVALUATIONS).values(**_row(evaluation, once)))
    await add_edges(connection, _edges(evaluation, digest), evaluation.by, evaluation.at)
    await tell(
        connection, "evaluation.recorded", model=measured.model, version=measured.version, by=evaluation.by,
        at=evaluation.at, evaluation=evaluation.id, suite=measured.suite, outcome=measured.outcome,
    )  # fmt: skip


def _edges(evaluation: Evaluation, digest: str) -> list[Edge]:
    measured = evaluation.measured
    facts = {"suite": measured.suite} | ({"outcome": measured.outcome} if measured.outcome else {})
    judged = Node(NodeKey(Kind.EVALUATION, evaluation.id), measured.suite, facts)
    version = Node(NodeKey(Kind.VERSION, digest), f"{measured.model}:{measured.version}")
    edges = [Edge(version, Relation.JUDGED_BY, judged)]
    if measured.origin:
        kind = Kind.ROLLOUT if measured.origin.startswith(ROLLOUT) else Kind.RUN
        origin = Node(NodeKey(kind, measured.origin), measured.origin)
        edges.append(Edge(judged, Relation.PRODUCED_BY, origin))
    return edges


def _of(measured: Measured) -> Any:
    return and_(EVALUATIONS.c.model == measured.model, EVALUATIONS.c.version == measured.version)


async def _recalled(connection: AsyncConnection, once: Once) -> Evaluation | None:
    mine = and_(EVALUATIONS.c.owner == once.owner, EVALUATIONS.c.idempotency_key == once.key)
    row = (await connection.execute(select(EVALUATIONS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _evaluation(row)


def _row(evaluation: Evaluation, once: Once | None) -> dict[str, Any]:
    measured = evaluation.measured
    return {
        "id": evaluation.id,
        "model": measured.model,
        "version": measured.version,
        "suite": measured.suite,
        "suite_digest": measured.suite_digest,
        "results": json.dumps(dict(measured.results), sort_keys=True),
        "outcome": measured.outcome,
        "at": micros(evaluation.at),
        "by": evaluation.by,
        "origin": measured.origin,
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }


def _evaluation(row: Row[Any]) -> Evaluation:
    measured = Measured(
        row.model, row.version, row.suite, json.loads(row.results), row.suite_digest, row.outcome, row.origin
    )
    return Evaluation(row.id, measured, row.by, moment_of(row.at))
