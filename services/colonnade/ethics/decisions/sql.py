"""Decisions in the ethics service's database."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.ethics.decisions.domain import By, Held, Kept, Request, Sample, Wanted, digest_of
from colonnade.ethics.decisions.tables import DECISIONS, ERASED, SAMPLES
from colonnade.ethics.domain.decision import Decision
from colonnade.ethics.domain.finding import Side, Span
from colonnade.ethics.domain.policy import Action
from colonnade.storage.sql import Database, micros, moment_of

_D, _S = DECISIONS.c, SAMPLES.c
_DAY = 86_400_000_000
_UNDER_WAY = timedelta(days=1)
"""No request takes longer."""


class SqlDecisions:
    """Implements ``ports.DecisionStore``. Its database must be opened with ``secure_delete``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, decisions: Sequence[Kept], samples: Sequence[Sample]) -> None:
        async def work(connection: AsyncConnection) -> None:
            requests = [*(each.request for each in decisions), *(each.request for each in samples)]
            erased = await _erased(connection, requests)
            rows = [_decision_row(each) for each in decisions if _is_kept(each.request, erased)]
            texts = [_sample_row(each) for each in samples if _is_kept(each.request, erased)]
            await _insert_new(connection, DECISIONS, rows)
            await _insert_new(connection, SAMPLES, texts)

        if decisions or samples:
            await self._database.write(work)

    async def page(self, tenant: str, wanted: Wanted, *, before: str, limit: int) -> Sequence[Kept]:
        query = select(DECISIONS).where(*_which(tenant, wanted)).order_by(_D.id.desc()).limit(limit)
        if before:
            query = query.where(_D.id < before)
        async with self._database.reading() as connection:
            return [_decision_of(row) for row in await connection.execute(query)]

    async def summary(self, tenant: str, wanted: Wanted, by: By) -> Mapping[str, int]:
        key: ColumnElement[Any] = {
            By.RULE: _D.rule, By.ACTION: _D.action, By.DAY: _D.at // _DAY
        }[by]  # fmt: skip
        query = select(key.label("key"), func.count()).where(*_which(tenant, wanted)).group_by("key")
        async with self._database.reading() as connection:
            found = [(row[0], int(row[1])) for row in await connection.execute(query)]
        if by is By.DAY:
            return {f"{moment_of(day * _DAY):%Y-%m-%d}": count for day, count in sorted(found)}
        return dict(sorted(found, key=lambda each: (-each[1], each[0])))

    async def samples(self, tenant: str, limit: int) -> Sequence[Sample]:
        query = select(SAMPLES).where(_S.tenant == tenant).order_by(_S.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [_sample_of(row) for row in await connection.execute(query)]

    async def tidy(self, now: datetime, *, older_than: datetime, most_samples: int) -> int:
        async def work(connection: AsyncConnection) -> int:
            gone = await connection.execute(delete(DECISIONS).where(_D.at < micros(older_than)))
            await connection.execute(delete(SAMPLES).where(_S.at < micros(older_than)))
            for tenant in (await connection.execute(select(_S.tenant).distinct())).scalars().all():
                last = _last_sample(tenant, most_samples)
                await connection.execute(delete(SAMPLES).where(_S.tenant == tenant, _S.id <= last))
            await connection.execute(delete(ERASED).where(ERASED.c.at < micros(now - _UNDER_WAY)))
            return gone.rowcount

        return await self._database.write(work)

    async def erase(self, tenant: str, subject: str, at: datetime) -> Mapping[str, int]:
        async def work(connection: AsyncConnection) -> Mapping[str, int]:
            who, now = digest_of(tenant, subject), micros(at)
            known = update(ERASED).where(ERASED.c.who == who).values(at=now)
            if not (await connection.execute(known)).rowcount:
                await connection.execute(insert(ERASED).values(who=who, at=now))
            decisions = delete(DECISIONS).where(_D.tenant == tenant, _D.subject == subject)
            samples = delete(SAMPLES).where(_S.tenant == tenant, _S.subject == subject)
            return {
                "decisions": (await connection.execute(decisions)).rowcount,
                "screened_samples": (await connection.execute(samples)).rowcount,
            }

        return await self._database.write(work)

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[Held]:
        both = union_all(*(_of(table, after) for table in (DECISIONS, SAMPLES))).subquery()
        query = (
            select(both.c.tenant, both.c.subject, func.min(both.c.at))
            .group_by(both.c.tenant, both.c.subject)
            .order_by(both.c.tenant, both.c.subject)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [Held(row[0], row[1], moment_of(row[2])) for row in await connection.execute(query)]


def _of(table: Table, after: tuple[str, str]) -> Select[Any]:
    tenant, subject = after
    later = or_(table.c.tenant > tenant, and_(table.c.tenant == tenant, table.c.subject > subject))
    first = func.min(table.c.at).label("at")
    return (
        select(table.c.tenant, table.c.subject, first).where(later).group_by(table.c.tenant, table.c.subject)
    )


def _last_sample(tenant: str, most: int) -> Any:
    """Of those that are too many the newest; nothing is as old as null."""
    ids = select(_S.id).where(_S.tenant == tenant).order_by(_S.id.desc()).offset(most).limit(1)
    return ids.scalar_subquery()


async def _erased(connection: AsyncConnection, requests: Sequence[Request]) -> Mapping[str, int]:
    digests = sorted({digest_of(each.tenant, each.subject) for each in requests})
    found: dict[str, int] = {}
    for start in range(0, len(digests), 500):
        some = ERASED.c.who.in_(digests[start : start + 500])
        found |= {row.who: row.at for row in await connection.execute(select(ERASED).where(some))}
    return found


def _is_kept(request: Request, erased: Mapping[str, int]) -> bool:
    at = erased.get(digest_of(request.tenant, request.subject))
    return at is None or micros(request.began) > at


async def _insert_new(connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """A batch may come again, where nobody knows whether it was written."""
    known: set[str] = set()
    for start in range(0, len(rows), 500):
        ids = [row["id"] for row in rows[start : start + 500]]
        known |= set((await connection.execute(select(table.c.id).where(table.c.id.in_(ids)))).scalars())
    if new := [dict(row) for row in rows if row["id"] not in known]:
        await connection.execute(insert(table), new)


def _which(tenant: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [_D.tenant == tenant, _D.shadow.is_(wanted.shadow)]
    if wanted.rule:
        found.append(_D.rule == wanted.rule)
    if wanted.action is not None:
        found.append(_D.action == wanted.action.value)
    if wanted.route:
        found.append(_D.route == wanted.route)
    if wanted.request_id:
        found.append(_D.request_id == wanted.request_id)
    if wanted.since is not None:
        found.append(_D.at >= micros(wanted.since))
    return found


def _decision_row(kept: Kept) -> dict[str, Any]:
    request, decision = kept.request, kept.decision
    return {
        "tenant": request.tenant,
        "id": kept.id,
        "subject": request.subject,
        "at": micros(kept.at),
        "request_id": request.request_id,
        "route": request.route,
        "side": kept.side.value,
        "rule": decision.rule,
        "category": decision.category,
        "scorer": decision.scorer,
        "beginning": decision.span.start,
        "ending": decision.span.end,
        "score": decision.score,
        "action": decision.action.value,
        "policy": kept.policy,
        "policy_version": decision.policy_version,
        "explanation": decision.explanation,
        "shadow": kept.shadow,
    }


def _decision_of(row: Row[Any]) -> Kept:
    at = moment_of(row.at)
    decision = Decision(
        row.rule, row.scorer, row.category, Span(row.beginning, row.ending), row.score,
        Action(row.action), row.policy_version, row.explanation,
    )  # fmt: skip
    request = Request(row.tenant, row.subject, row.request_id, row.route, at)
    return Kept(row.id, at, request, Side(row.side), decision, row.policy, row.shadow)


def _sample_row(sample: Sample) -> dict[str, Any]:
    request = sample.request
    return {
        "tenant": request.tenant,
        "id": sample.id,
        "subject": request.subject,
        "at": micros(sample.at),
        "route": request.route,
        "side": sample.side.value,
        "text": sample.text,
    }


def _sample_of(row: Row[Any]) -> Sample:
    at = moment_of(row.at)
    return Sample(row.id, at, Request(row.tenant, row.subject, "", row.route, at), Side(row.side), row.text)
