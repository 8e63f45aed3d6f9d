"""Policies and assignments in the ethics service's database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.ethics.policies_kept.domain import ArmKey, Assignment, Counts, KeptPolicy, Named, State
from colonnade.ethics.policies_kept.ports import Change
from colonnade.ethics.policies_kept.tables import ARMS, ASSIGNMENTS, POLICIES
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

_P, _A, _N = POLICIES.c, ASSIGNMENTS.c, ARMS.c


class SqlPolicies:
    """Implements ``ports.PolicyStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, policy: KeptPolicy) -> tuple[KeptPolicy, bool]:
        async def work(connection: AsyncConnection) -> tuple[KeptPolicy, bool]:
            if known := await _found(connection, policy.tenant, policy.named):
                return known, False
            await connection.execute(insert(POLICIES).values(**await _row_of(connection, policy)))
            return policy, True

        return await self._database.write(work)

    async def versions(self, tenant: str, name: str = "") -> Sequence[KeptPolicy]:
        query = select(POLICIES).where(_P.tenant == tenant).order_by(_P.name, _P.number.desc())
        if name:
            query = query.where(_P.name == name)
        async with self._database.reading() as connection:
            return [_policy_of(row) for row in await connection.execute(query)]

    async def find(self, tenant: str, named: Named) -> KeptPolicy | None:
        async with self._database.reading() as connection:
            return await _found(connection, tenant, named)

    async def assign(self, tenant: str, route: str, change: Change, once: Once | None) -> Assignment:
        async def work(connection: AsyncConnection) -> Assignment:
            if once and (known := await _assigned_with(connection, once)):
                return known
            held = await _latest(connection, tenant, route)
            before = await _revision(connection, tenant, route, held.before) if held else None
            after = change(held, before)
            await connection.execute(insert(ASSIGNMENTS).values(**_assignment_row(after, once)))
            older = and_(_N.tenant == tenant, _N.route == route, _N.revision < after.revision)
            await connection.execute(delete(ARMS).where(older))
            return after

        return await self._database.write(work)

    async def assignments(self, tenant: str = "") -> Sequence[Assignment]:
        newest = (
            select(_A.tenant, _A.route, func.max(_A.revision).label("revision"))
            .group_by(_A.tenant, _A.route)
            .subquery()
        )
        same = and_(
            _A.tenant == newest.c.tenant, _A.route == newest.c.route, _A.revision == newest.c.revision
        )
        query = select(ASSIGNMENTS).join(newest, same).order_by(_A.tenant, _A.route)
        if tenant:
            query = query.where(_A.tenant == tenant)
        async with self._database.reading() as connection:
            return [_assignment_of(row) for row in await connection.execute(query)]

    async def count(self, more: Mapping[ArmKey, Counts]) -> None:
        async def work(connection: AsyncConnection) -> None:
            for key in sorted(more, key=_order):
                await _add(connection, key, more[key])

        if more:
            await self._database.write(work)

    async def counts(self, tenant: str = "") -> Mapping[ArmKey, Counts]:
        query = select(ARMS)
        if tenant:
            query = query.where(_N.tenant == tenant)
        async with self._database.reading() as connection:
            return {
                ArmKey(row.tenant, row.route, row.revision, row.candidate): Counts(row.requests, row.refused)
                for row in await connection.execute(query)
            }

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[tuple[str, str, datetime]]:
        """Who put or assigned something, after a tenant's subject, in their order; since when."""
        said = union_all(
            *(
                select(columns.tenant, by.label("by"), at.label("at")).where(by != "")
                for columns, by, at in ((_P, _P.created_by, _P.created_at), (_A, _A.assigned_by, _A.at))
            )
        ).subquery()
        whose = said.c.tenant, said.c.by
        later = or_(said.c.tenant > after[0], and_(said.c.tenant == after[0], said.c.by > after[1]))
        query = select(*whose, func.min(said.c.at)).where(later).group_by(*whose).order_by(*whose)
        async with self._database.reading() as connection:
            found = await connection.execute(query.limit(limit))
            return [(row[0], row[1], moment_of(row[2])) for row in found]

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        put = and_(_P.tenant == tenant, _P.created_by == subject)
        assigned = and_(
            _A.tenant == tenant, or_(_A.assigned_by == subject, _A.owner == f"{tenant}/{subject}")
        )

        async def work(connection: AsyncConnection) -> Mapping[str, int]:
            unsigned = await connection.execute(update(POLICIES).where(put).values(created_by=""))
            cleared = {"assigned_by": "", "why": "", "owner": "", "idempotency_key": "", "fingerprint": ""}
            ended = await connection.execute(update(ASSIGNMENTS).where(assigned).values(**cleared))
            return {"policy_authors": unsigned.rowcount, "policy_assignments": ended.rowcount}

        return await self._database.write(work)


async def _found(connection: AsyncConnection, tenant: str, named: Named) -> KeptPolicy | None:
    this = and_(_P.tenant == tenant, _P.name == named.name, _P.version == named.version)
    row = (await connection.execute(select(POLICIES).where(this))).first()
    return _policy_of(row) if row else None


async def _row_of(connection: AsyncConnection, policy: KeptPolicy) -> dict[str, Any]:
    same = and_(_P.tenant == policy.tenant, _P.name == policy.named.name)
    last = (await connection.execute(select(func.max(_P.number)).where(same))).scalar()
    assert policy.created_at is not None, "what came with the platform is not put"
    return {
        "tenant": policy.tenant,
        "name": policy.named.name,
        "version": policy.named.version,
        "number": (last or 0) + 1,
        "created_at": micros(policy.created_at),
        "created_by": policy.by,
        "source": policy.source,
    }


def _policy_of(row: Row[Any]) -> KeptPolicy:
    named = Named(row.name, row.version)
    return KeptPolicy(row.tenant, named, moment_of(row.created_at), row.created_by, row.source)


async def _latest(connection: AsyncConnection, tenant: str, route: str) -> Assignment | None:
    here = and_(_A.tenant == tenant, _A.route == route)
    query = select(ASSIGNMENTS).where(here).order_by(_A.revision.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return _assignment_of(row) if row else None


async def _revision(connection: AsyncConnection, tenant: str, route: str, revision: int) -> Assignment | None:
    this = and_(_A.tenant == tenant, _A.route == route, _A.revision == revision)
    row = (await connection.execute(select(ASSIGNMENTS).where(this))).first()
    return _assignment_of(row) if row else None


async def _assigned_with(connection: AsyncConnection, once: Once) -> Assignment | None:
    mine = and_(_A.owner == once.owner, _A.idempotency_key == once.key)
    row = (await connection.execute(select(ASSIGNMENTS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _assignment_of(row)


def _assignment_row(made: Assignment, once: Once | None) -> dict[str, Any]:
    state = made.state
    return {
        "tenant": made.tenant,
        "route": made.route,
        "revision": made.revision,
        "before": made.before,
        **_names("policy", state.policy),
        **_names("candidate", state.candidate),
        **_names("shadow", state.shadow),
        "share": state.share,
        "at": micros(made.at),
        "assigned_by": made.by,
        "why": made.why,
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }


def _names(column: str, named: Named | None) -> dict[str, str]:
    return {column: named.name if named else "", f"{column}_version": named.version if named else ""}


def _assignment_of(row: Row[Any]) -> Assignment:
    state = State(
        _named(row.policy, row.policy_version),
        _named(row.candidate, row.candidate_version),
        row.share,
        _named(row.shadow, row.shadow_version),
    )
    at = moment_of(row.at)
    return Assignment(row.tenant, row.route, state, row.revision, row.before, at, row.assigned_by, row.why)


def _named(name: str, version: str) -> Named | None:
    return Named(name, version) if name else None


def _order(key: ArmKey) -> tuple[str, str, int, bool]:
    """One for all, so that two writers do not wait for each other."""
    return key.tenant, key.route, key.revision, key.candidate


async def _add(connection: AsyncConnection, key: ArmKey, more: Counts) -> None:
    this = and_(
        _N.tenant == key.tenant, _N.route == key.route,
        _N.revision == key.revision, _N.candidate.is_(key.candidate),
    )  # fmt: skip
    added = {"requests": _N.requests + more.requests, "refused": _N.refused + more.refused}
    if not (await connection.execute(update(ARMS).where(this).values(**added))).rowcount:
        values = {"tenant": key.tenant, "route": key.route, "revision": key.revision}
        values |= {"candidate": key.candidate, "requests": more.requests, "refused": more.refused}
        await connection.execute(insert(ARMS).values(**values))
