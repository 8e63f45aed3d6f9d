"""Drafts in the registry's database, beside the versions that they become."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, NotFound, Overloaded, TooLarge
from colonnade.registry.adapters.aliases import latest_version
from colonnade.registry.adapters.draft_ends import forget_files
from colonnade.registry.adapters.draft_tables import DRAFT_FILES, DRAFTS
from colonnade.registry.adapters.tables import ARTEFACTS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.domain import MAX_ARTEFACTS, check_owner
from colonnade.registry.drafts.draft import (
    ACTIVE,
    WRITABLE,
    BeginOrder,
    Bounds,
    DraftFile,
    State,
    VersionDraft,
    check_apart,
)
from colonnade.registry.drafts.ports import Key
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of

_ACTIVE = DRAFTS.c.state.in_(sorted(ACTIVE))
_RETRY_AFTER_SECONDS = 3600
_MESSAGE_CHARACTERS = 2000


class SqlDraftStore:
    """Implements ``drafts.ports.DraftStore``. ``registry`` is this one's name among those of a database."""

    def __init__(self, database: Database, registry: str = "") -> None:
        self._database = database
        self._registry = registry

    async def begin(
        self, order: BeginOrder, state: State, once: Once | None, bounds: Bounds, *, by: str, at: datetime
    ) -> VersionDraft:
        async def work(connection: AsyncConnection) -> VersionDraft:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            await _check_free(connection, order.model, by.partition("/")[0], bounds)
            number = await latest_version(connection, order.model) + 1
            values = _first_row(order, number, state, once, by, at)
            await connection.execute(insert(DRAFTS).values(**values))
            await tell(connection, "draft.begun", model=order.model, by=by, at=at, number=number)
            return await _found(connection, (order.model, number))

        return await self._database.write(work)

    async def find(self, key: Key) -> VersionDraft:
        async with self._database.reading() as connection:
            return await _found(connection, key)

    async def list_active(self, model: str, limit: int) -> Sequence[VersionDraft]:
        query = select(DRAFTS).where(_ACTIVE, DRAFTS.c.model == model).order_by(DRAFTS.c.number.desc())
        async with self._database.reading() as connection:
            return await _drafts(connection, query.limit(limit))

    async def put_file(self, key: Key, file: DraftFile, bounds: Bounds, at: datetime) -> VersionDraft:
        async def work(connection: AsyncConnection) -> VersionDraft:
            draft = await _among(connection, key, WRITABLE)
            await connection.execute(delete(DRAFT_FILES).where(_of(key), DRAFT_FILES.c.path == file.path))
            await _check_room(connection, draft, file, bounds)
            values = {"path": file.path, "size_bytes": file.size_bytes, "digest": file.digest}
            await connection.execute(
                insert(DRAFT_FILES).values(model=key[0], number=key[1], held=int(file.held), **values)
            )
            opened = {"state": State.OPEN.value, "message": "", "updated_at": micros(at)}
            await connection.execute(update(DRAFTS).where(_is(key)).values(**opened))
            return await _found(connection, key)

        return await self._database.write(work)

    async def change(
        self, key: Key, state: State, among: Collection[State], *, by: str, at: datetime, message: str = ""
    ) -> VersionDraft:
        async def work(connection: AsyncConnection) -> VersionDraft:
            await _among(connection, key, among)
            after = {
                "state": state.value,
                "message": message[:_MESSAGE_CHARACTERS],
                "updated_at": micros(at),
                "importer": self._registry if state is State.IMPORTING else "",
            }
            await connection.execute(update(DRAFTS).where(_is(key)).values(**after))
            if state is State.DISCARDED:
                await forget_files(connection, *key)
            if state in (State.DISCARDED, State.FAILED):
                await tell(
                    connection, f"draft.{state}", model=key[0], by=by, at=at, number=key[1],
                    why=message[:_MESSAGE_CHARACTERS],
                )  # fmt: skip
            return await _found(connection, key)

        return await self._database.write(work)

    async def touch(self, key: Key, at: datetime) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(DRAFTS).where(_is(key)).values(updated_at=micros(at)))

        await self._database.write(work)

    async def next_waiting(self) -> VersionDraft | None:
        waiting = select(DRAFTS).where(DRAFTS.c.state == State.WAITING.value)
        oldest = waiting.order_by(DRAFTS.c.created_at, DRAFTS.c.model, DRAFTS.c.number).limit(1)
        async with self._database.reading() as connection:
            found = await _drafts(connection, oldest)
        return found[0] if found else None

    async def recover(self, at: datetime) -> None:
        mine = DRAFTS.c.importer.in_(["", self._registry])
        broken = and_(DRAFTS.c.state == State.IMPORTING.value, mine)
        again = case((DRAFTS.c.source == "", State.OPEN.value), else_=State.WAITING.value)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(DRAFTS).where(broken).values(state=again, updated_at=micros(at)))

        await self._database.write(work)

    async def untouched(self, since: datetime) -> Sequence[VersionDraft]:
        idle = and_(DRAFTS.c.state.in_(sorted(WRITABLE)), DRAFTS.c.updated_at < micros(since))
        async with self._database.reading() as connection:
            return await _drafts(connection, select(DRAFTS).where(idle))

    async def rooms(self) -> set[str]:
        async with self._database.reading() as connection:
            return set(await connection.scalars(select(DRAFTS.c.room).where(_ACTIVE)))

    async def artefact_size(self, digest: str) -> int | None:
        query = select(ARTEFACTS.c.size_bytes).where(ARTEFACTS.c.digest == digest).limit(1)
        async with self._database.reading() as connection:
            return await connection.scalar(query)


async def _recalled(connection: AsyncConnection, once: Once) -> VersionDraft | None:
    mine = and_(DRAFTS.c.owner == once.owner, DRAFTS.c.idempotency_key == once.key)
    row = (await connection.execute(select(DRAFTS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return await _found(connection, (row.model, row.number))


async def _check_free(connection: AsyncConnection, model: str, tenant: str, bounds: Bounds) -> None:
    """A name that is not there yet belongs to who began its first draft."""
    creators = await connection.scalars(select(DRAFTS.c.created_by).where(_ACTIVE, DRAFTS.c.model == model))
    for creator in creators:
        check_owner(model, creator.partition("/")[0], tenant)
    count = await connection.scalar(select(func.count()).select_from(DRAFTS).where(_ACTIVE))
    if (count or 0) >= bounds.drafts:
        raise Overloaded(
            f"there are {bounds.drafts} drafts already; seal or discard some",
            limit=bounds.drafts,
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )


async def _check_room(
    connection: AsyncConnection, draft: VersionDraft, file: DraftFile, bounds: Bounds
) -> None:
    """Counts what was announced: nobody finds the room gone in the middle of an upload."""
    others = [each for each in draft.files if each.path != file.path]
    if len(others) >= MAX_ARTEFACTS:
        raise TooLarge(f"a version has at most {MAX_ARTEFACTS} files", field="path", limit=MAX_ARTEFACTS)
    check_apart([file.path, *(each.path for each in others)])
    mine = sum(each.size_bytes for each in others) + file.size_bytes
    if mine > bounds.draft_bytes:
        raise TooLarge(
            f"the files of a draft may have {bounds.draft_bytes} bytes together "
            "(COLONNADE_REGISTRY_MAX_DRAFT_BYTES)",
            field="size_bytes",
            limit=bounds.draft_bytes,
        )
    uploaded = select(func.sum(DRAFT_FILES.c.size_bytes)).where(DRAFT_FILES.c.held == 0)
    spooled = int(await connection.scalar(uploaded) or 0)
    if not file.held and spooled + file.size_bytes > bounds.spool_bytes:
        raise TooLarge(
            f"all drafts together may have {bounds.spool_bytes} bytes (COLONNADE_REGISTRY_MAX_SPOOL_BYTES); "
            "seal or discard others first",
            field="size_bytes",
            limit=bounds.spool_bytes,
        )


async def _among(connection: AsyncConnection, key: Key, states: Collection[State]) -> VersionDraft:
    draft = await _found(connection, key)
    if draft.state not in states:
        raise Conflict(f"the draft {draft.label} is {draft.state}", field="number", state=draft.state.value)
    return draft


async def _found(connection: AsyncConnection, key: Key) -> VersionDraft:
    found = await _drafts(connection, select(DRAFTS).where(_is(key)))
    if not found:
        raise NotFound(f"there is no draft {key[0]}:{key[1]}", field="number")
    return found[0]


async def _drafts(connection: AsyncConnection, query: Any) -> list[VersionDraft]:
    found = (await connection.execute(query)).all()
    return [_draft(row, await _files(connection, (row.model, row.number))) for row in found]


async def _files(connection: AsyncConnection, key: Key) -> tuple[DraftFile, ...]:
    query = select(DRAFT_FILES).where(_of(key)).order_by(DRAFT_FILES.c.path)
    rows = await connection.execute(query)
    return tuple(DraftFile(row.path, row.size_bytes, row.digest, bool(row.held)) for row in rows)


def _is(key: Key) -> ColumnElement[bool]:
    return and_(DRAFTS.c.model == key[0], DRAFTS.c.number == key[1])


def _of(key: Key) -> ColumnElement[bool]:
    return and_(DRAFT_FILES.c.model == key[0], DRAFT_FILES.c.number == key[1])


def _first_row(
    order: BeginOrder, number: int, state: State, once: Once | None, by: str, at: datetime
) -> dict[str, Any]:
    return {
        "model": order.model,
        "number": number,
        "room": uuid.uuid4().hex,
        "state": state.value,
        "message": "",
        "source": order.source,
        "alias": order.alias,
        "base": order.base,
        "description": order.description,
        "created_at": micros(at),
        "created_by": by,
        "updated_at": micros(at),
        "version": 0,
        "importer": "",
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }


def _draft(row: Row[Any], files: tuple[DraftFile, ...]) -> VersionDraft:
    return VersionDraft(
        row.model, row.number, row.room, State(row.state), row.message, row.source, row.alias, row.base,
        row.description, files, moment_of(row.created_at), row.created_by, moment_of(row.updated_at),
        row.version,
    )  # fmt: skip
