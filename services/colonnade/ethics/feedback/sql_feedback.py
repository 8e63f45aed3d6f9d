"""Feedback in the ethics service's database."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound, Overloaded
from colonnade.ethics.feedback.feedback import AnsweredBy, Feedback, Given, Kind, State, Turn, key_of
from colonnade.ethics.feedback.ports import Change, Holder, Wanted
from colonnade.ethics.feedback.tables import FEEDBACK, REWARD_MODELS, REWARD_SOURCES
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

_RETRY_SECONDS = 3600
_C = FEEDBACK.c


class SqlFeedback:
    """Implements ``ports.FeedbackStore``. Its database must be opened with ``secure_delete``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, feedback: Feedback, once: Once | None, *, most_waiting: int) -> Feedback:
        async def work(connection: AsyncConnection) -> Feedback:
            if once and (known := await _made_with(connection, once)):
                return known
            await _take_back(connection, feedback)
            await _check_room(connection, feedback, most_waiting)
            await connection.execute(insert(FEEDBACK).values(**_row_of(feedback, once)))
            return feedback

        return await self._database.write(work)

    async def find(self, tenant: str, feedback_id: str) -> Feedback:
        async with self._database.reading() as connection:
            return await _found(connection, tenant, feedback_id)

    async def page(self, tenant: str, wanted: Wanted, *, before: str, limit: int) -> Sequence[Feedback]:
        query = select(FEEDBACK).where(_C.tenant == tenant).order_by(_C.id.desc()).limit(limit)
        if wanted.subject:
            query = query.where(_C.subject == wanted.subject)
        if wanted.state is not None:
            query = query.where(_C.state == wanted.state.value)
        if wanted.kind is not None:
            query = query.where(_C.kind == wanted.kind.value)
        if before:
            query = query.where(_C.id < before)
        async with self._database.reading() as connection:
            return [_feedback_of(row) for row in await connection.execute(query)]

    async def change(self, tenant: str, feedback_id: str, change: Change) -> Feedback:
        async def work(connection: AsyncConnection) -> Feedback:
            after = change(await _found(connection, tenant, feedback_id))
            mine = and_(_C.tenant == tenant, _C.id == feedback_id)
            await connection.execute(update(FEEDBACK).where(mine).values(**_review_of(after)))
            if after.state is not State.ACCEPTED:
                await _forget_models(connection, tenant, _C.id == feedback_id)
            return after

        return await self._database.write(work)

    async def remove(self, tenant: str, feedback_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await _drop(connection, tenant, _C.id == feedback_id)

        await self._database.write(work)

    async def accepted(self, tenant: str, *, after: str, limit: int) -> Sequence[Feedback]:
        pairs = or_(_C.kind != Kind.THUMB.value, _C.up)
        query = (
            select(FEEDBACK)
            .where(_accepted(tenant), pairs, _C.prompt_key != "", _C.id > after)
            .order_by(_C.id)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [_feedback_of(row) for row in await connection.execute(query)]

    async def disliked(self, tenant: str, prompts: Sequence[str]) -> Mapping[str, Sequence[Feedback]]:
        thumb_down = and_(_C.kind == Kind.THUMB.value, ~_C.up, _C.prompt_key.in_(prompts))
        query = select(FEEDBACK).where(_accepted(tenant), thumb_down).order_by(_C.id)
        found: dict[str, list[Feedback]] = defaultdict(list)
        async with self._database.reading() as connection:
            for row in await connection.execute(query):
                found[row.prompt_key].append(_feedback_of(row))
        return found

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[Holder]:
        said = union_all(
            select(_C.tenant, _C.subject, _C.given_at.label("at")),
            select(_C.tenant, _C.reviewed_by, _C.reviewed_at).where(_C.reviewed_by != ""),
        ).subquery()
        whose = said.c.tenant, said.c.subject
        later = or_(said.c.tenant > after[0], and_(said.c.tenant == after[0], said.c.subject > after[1]))
        query = select(*whose, func.min(said.c.at)).where(later).group_by(*whose).order_by(*whose)
        async with self._database.reading() as connection:
            found = await connection.execute(query.limit(limit))
            return [(row[0], row[1], moment_of(row[2])) for row in found]

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        reviewed = and_(_C.tenant == tenant, _C.reviewed_by == subject)
        trained = and_(REWARD_MODELS.c.tenant == tenant, REWARD_MODELS.c.owner == f"{tenant}/{subject}")

        async def work(connection: AsyncConnection) -> Mapping[str, int]:
            models, gone = await _drop(connection, tenant, _C.subject == subject)
            unsigned = await connection.execute(
                update(FEEDBACK).where(reviewed).values(reviewed_by="", why="")
            )
            await connection.execute(
                update(REWARD_MODELS).where(trained).values(owner="", idempotency_key="")
            )
            return {"feedback": gone, "feedback_reviews": unsigned.rowcount, "reward_models": models}

        return await self._database.write(work)


async def _made_with(connection: AsyncConnection, once: Once) -> Feedback | None:
    mine = and_(_C.owner == once.owner, _C.idempotency_key == once.key)
    row = (await connection.execute(select(FEEDBACK).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _feedback_of(row)


async def _found(connection: AsyncConnection, tenant: str, feedback_id: str) -> Feedback:
    mine = and_(_C.tenant == tenant, _C.id == feedback_id)
    row = (await connection.execute(select(FEEDBACK).where(mine))).first()
    if row is None:
        raise NotFound(f"there is no feedback {feedback_id}", field="id")
    return _feedback_of(row)


async def _take_back(connection: AsyncConnection, thumb: Feedback) -> None:
    """The subject's earlier thumb on the same request: the latest counts."""
    given = thumb.given
    if given.kind is Kind.THUMB and given.request_id:
        same = and_(
            _C.subject == thumb.subject, _C.kind == Kind.THUMB.value, _C.request_id == given.request_id
        )
        await _drop(connection, thumb.tenant, same)


async def _check_room(connection: AsyncConnection, feedback: Feedback, most: int) -> None:
    mine = and_(_C.tenant == feedback.tenant, _C.subject == feedback.subject, _C.state == State.WAITING.value)
    waiting = await connection.scalar(select(func.count()).select_from(FEEDBACK).where(mine))
    if (waiting or 0) >= most:
        raise Overloaded(
            f"{most} pieces of feedback of this subject wait for review already; try again later",
            field="subject", limit=most, retry_after_seconds=_RETRY_SECONDS,
        )  # fmt: skip


async def _drop(connection: AsyncConnection, tenant: str, which: ColumnElement[bool]) -> tuple[int, int]:
    """How many reward models went with how many pieces of feedback."""
    models = await _forget_models(connection, tenant, which)
    return models, (await connection.execute(delete(FEEDBACK).where(_C.tenant == tenant, which))).rowcount


async def _forget_models(connection: AsyncConnection, tenant: str, which: ColumnElement[bool]) -> int:
    """Reward models that learnt from such feedback."""
    sources = REWARD_SOURCES.c
    learnt_from = (
        select(sources.model)
        .join(FEEDBACK, and_(_C.tenant == sources.tenant, _C.id == sources.feedback))
        .where(sources.tenant == tenant, which)
    )
    ids = list((await connection.execute(learnt_from.distinct())).scalars())
    if not ids:
        return 0
    mine = and_(REWARD_MODELS.c.tenant == tenant, REWARD_MODELS.c.id.in_(ids))
    await connection.execute(delete(REWARD_SOURCES).where(sources.tenant == tenant, sources.model.in_(ids)))
    return (await connection.execute(delete(REWARD_MODELS).where(mine))).rowcount


def _accepted(tenant: str) -> ColumnElement[bool]:
    return and_(_C.tenant == tenant, _C.state == State.ACCEPTED.value)


def _row_of(feedback: Feedback, once: Once | None) -> dict[str, Any]:
    given, by = feedback.given, feedback.given.answered_by
    return _review_of(feedback) | {
        "tenant": feedback.tenant,
        "id": feedback.id,
        "subject": feedback.subject,
        "kind": given.kind.value,
        "given_at": micros(feedback.given_at),
        "request_id": given.request_id,
        "model": by.model,
        "version": by.version,
        "digest": by.digest,
        "confirmed": by.confirmed,
        "prompt": json.dumps([(turn.role, turn.content) for turn in given.prompt], ensure_ascii=False),
        "prompt_key": key_of(given.prompt),
        "chosen": given.chosen,
        "rejected": given.rejected,
        "up": given.up,
        "comment": given.comment,
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }


def _review_of(feedback: Feedback) -> dict[str, Any]:
    """The columns that may become others."""
    return {
        "state": feedback.state.value,
        "reviewed_by": feedback.reviewed_by,
        "reviewed_at": None if feedback.reviewed_at is None else micros(feedback.reviewed_at),
        "why": feedback.why,
    }


def _feedback_of(row: Row[Any]) -> Feedback:
    given = Given(
        kind=Kind(row.kind),
        request_id=row.request_id,
        answered_by=AnsweredBy(row.model, row.version, row.digest, row.confirmed),
        prompt=tuple(Turn(role, content) for role, content in json.loads(row.prompt)),
        chosen=row.chosen,
        rejected=row.rejected,
        up=row.up,
        comment=row.comment,
    )
    return Feedback(
        id=row.id,
        tenant=row.tenant,
        subject=row.subject,
        given=given,
        given_at=moment_of(row.given_at),
        state=State(row.state),
        reviewed_by=row.reviewed_by,
        reviewed_at=None if row.reviewed_at is None else moment_of(row.reviewed_at),
        why=row.why,
    )
