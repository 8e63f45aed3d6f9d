"""Reward models in the ethics service's database, beside the feedback that they learnt from."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Row, and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, NotFound
from colonnade.ethics.feedback.feedback import State
from colonnade.ethics.feedback.reward.learning import Share
from colonnade.ethics.feedback.reward.ports import Kept
from colonnade.ethics.feedback.tables import FEEDBACK, REWARD_MODELS, REWARD_SOURCES
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

_AT_ONCE = 1000
"""Ids in one statement."""
_C = REWARD_MODELS.c


class SqlRewardModels:
    """Implements ``ports.RewardStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, model: Kept, made_of: Sequence[str], once: Once | None) -> Kept:
        async def work(connection: AsyncConnection) -> Kept:
            if once and (known := await _made_with(connection, once)):
                return known
            await _check_there(connection, model.tenant, made_of)
            await connection.execute(insert(REWARD_MODELS).values(**_row_of(model, once)))
            sources = [
                {"tenant": model.tenant, "model": model.id, "feedback": each} for each in sorted(set(made_of))
            ]
            if sources:
                await connection.execute(insert(REWARD_SOURCES), sources)
            return model

        return await self._database.write(work)

    async def made_with(self, once: Once) -> Kept | None:
        async with self._database.reading() as connection:
            return await _made_with(connection, once)

    async def find(self, tenant: str, model_id: str) -> Kept:
        query = select(REWARD_MODELS).where(_C.tenant == tenant).order_by(_C.id.desc()).limit(1)
        if model_id:
            query = query.where(_C.id == model_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            what = f"there is no reward model {model_id}" if model_id else "there is no reward model yet"
            raise NotFound(f"{what}; make one with: colonnade feedback train", field="model")
        return _kept_of(row, row.weights)

    async def page(self, tenant: str, limit: int) -> Sequence[Kept]:
        columns = [column for column in _C if column.name != "weights"]
        query = select(*columns).where(_C.tenant == tenant).order_by(_C.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [_kept_of(row) for row in await connection.execute(query)]


async def _made_with(connection: AsyncConnection, once: Once) -> Kept | None:
    mine = and_(_C.owner == once.owner, _C.idempotency_key == once.key)
    row = (await connection.execute(select(REWARD_MODELS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _kept_of(row, row.weights)


async def _check_there(connection: AsyncConnection, tenant: str, made_of: Sequence[str]) -> None:
    """Whoever erased what they gave meanwhile must not find it again in what was made of it."""
    ids, there = iter(set(made_of)), 0
    accepted = and_(FEEDBACK.c.tenant == tenant, FEEDBACK.c.state == State.ACCEPTED.value)
    while some := list(islice(ids, _AT_ONCE)):
        query = select(func.count()).select_from(FEEDBACK).where(accepted, FEEDBACK.c.id.in_(some))
        there += await connection.scalar(query) or 0
    if there != len(set(made_of)):
        raise Conflict("feedback was taken back while it was learnt from; train again", field="feedback")


def _row_of(model: Kept, once: Once | None) -> dict[str, Any]:
    return {
        "tenant": model.tenant,
        "id": model.id,
        "made_at": micros(model.made_at),
        "embedding_model": model.embedding_model,
        "learnt": model.learnt,
        "held_out": model.accuracy.of,
        "right_answers": model.accuracy.right,
        "card": model.card,
        "weights": model.weights,
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }


def _kept_of(row: Row[Any], weights: bytes = b"") -> Kept:
    return Kept(
        id=row.id,
        tenant=row.tenant,
        made_at=moment_of(row.made_at),
        embedding_model=row.embedding_model,
        accuracy=Share(row.right_answers, row.held_out),
        learnt=row.learnt,
        card=row.card,
        weights=weights,
    )
