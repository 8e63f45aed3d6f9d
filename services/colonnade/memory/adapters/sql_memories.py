"""Memories in the memory service's database."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Table, and_, case, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.memory import words
from colonnade.memory.adapters import sql_words
from colonnade.memory.adapters.rows import asked_of, changing, memories, memory_of, passing, row_of, within
from colonnade.memory.adapters.sql_erasing import erase
from colonnade.memory.adapters.tables import MEMORIES
from colonnade.memory.domain.memories import Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import ByWords, Filter
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros

_AT_ONCE = 1000
"""Ids in one statement."""


class SqlMemories:
    """The part of ``ports.MemoryStore`` that is about memories alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, memory: Memory, once: Once | None = None) -> Memory:
        return (await self.add_all([(memory, once)]))[0]

    async def add_all(self, new: Sequence[tuple[Memory, Once | None]]) -> Sequence[Memory]:
        prepared = await self._prepared([memory for memory, _ in new])

        async def work(connection: AsyncConnection) -> list[Memory]:
            kept = []
            for (memory, once), words_of_it in zip(new, prepared, strict=True):
                if once and (known := await made_with(connection, MEMORIES, once)):
                    kept.append((await _found(connection, *known))[known[1]])
                    continue
                await insert_all(connection, [memory], [words_of_it], once)
                kept.append(replace(memory, embedded=False))
            return kept

        return await self._database.write(work)

    async def find(self, scopes: Sequence[Scope], ids: Sequence[str]) -> Mapping[str, Memory]:
        found: dict[str, Memory] = {}
        async with self._database.reading() as connection:
            for some in _batches(dict.fromkeys(ids)):
                query = memories().where(within(MEMORIES, scopes), MEMORIES.c.id.in_(some))
                found |= {row.id: memory_of(row) for row in await connection.execute(query)}
        return found

    async def page(
        self, scopes: Sequence[Scope], wanted: Filter, *, before: str, limit: int
    ) -> Sequence[Memory]:
        query = memories().where(*passing(wanted)).order_by(MEMORIES.c.id.desc()).limit(limit)
        if before:
            query = query.where(MEMORIES.c.id < before)
        found: list[Memory] = []
        async with self._database.reading() as connection:
            for scope in asked_of(scopes, wanted):  # each along its own key
                rows = await connection.execute(query.where(within(MEMORIES, [scope])))
                found += [memory_of(row) for row in rows]
        return sorted(found, key=lambda each: each.id, reverse=True)[:limit]

    async def change(self, scope: Scope, memory_id: str, change: Callable[[Memory], Memory]) -> Memory:
        async def work(connection: AsyncConnection) -> Memory:
            before = (await _found(connection, scope, memory_id)).get(memory_id)
            if before is None:
                raise NotFound(f"there is no memory {memory_id}", field="id")
            after = _as_changed(before, change(before))
            if after != before:
                mine = and_(within(MEMORIES, [scope]), MEMORIES.c.id == memory_id)
                await connection.execute(update(MEMORIES).where(mine).values(**changing(after)))
            return after

        return await self._database.write(work)

    async def used(self, ids: Sequence[tuple[Scope, str]], at: datetime) -> None:
        by_scope: dict[Scope, list[str]] = defaultdict(list)
        for scope, memory_id in sorted(set(ids)):  # in one order, so that two do not wait for each other
            by_scope[scope].append(memory_id)
        now = micros(at)
        last = case((MEMORIES.c.used_at > now, MEMORIES.c.used_at), else_=now)
        more = {"uses": MEMORIES.c.uses + 1, "used_at": last}

        async def work(connection: AsyncConnection) -> None:
            for scope, mine in by_scope.items():
                for some in _batches(mine):
                    there = and_(within(MEMORIES, [scope]), MEMORIES.c.id.in_(some))
                    await connection.execute(update(MEMORIES).where(there).values(**more))

        if by_scope:
            await self._database.write(work)

    async def forget(self, scope: Scope, ids: Sequence[str]) -> int:
        async def work(connection: AsyncConnection) -> int:
            gone = 0
            for some in _batches(dict.fromkeys(ids)):
                gone += await erase(connection, scope, [MEMORIES.c.id.in_(some)])
            return gone

        return await self._database.write(work) if ids else 0

    async def by_words(
        self, scopes: Sequence[Scope], question: str, wanted: Filter, limit: int
    ) -> Sequence[ByWords]:
        asked = await asyncio.to_thread(words.asked, question)
        mine = asked_of(scopes, wanted)
        if not (asked and mine and limit > 0):
            return []
        async with self._database.reading() as connection:
            return await sql_words.best(connection, mine, asked, wanted, limit)

    async def _prepared(self, found: Sequence[Memory]) -> list[dict[str, Any]]:
        is_sqlite = self._database.is_sqlite
        return await asyncio.to_thread(sql_words.rows_of_words, found, is_sqlite=is_sqlite)


async def insert_all(
    connection: AsyncConnection,
    new: Sequence[Memory],
    prepared: Sequence[Mapping[str, Any]],
    once: Once | None,
) -> None:
    """New memories of one scope; ``prepared`` are their words."""
    if new:
        await connection.execute(insert(MEMORIES), [row_of(memory, once) for memory in new])
        await sql_words.keep(connection, new[0].scope, prepared)


async def made_with(connection: AsyncConnection, table: Table, once: Once) -> tuple[Scope, str] | None:
    """What was made with a key; ``Conflict`` where it was used for something else."""
    columns = (table.c.tenant, table.c.subject, table.c.id, table.c.fingerprint)
    mine = and_(table.c.owner == once.owner, table.c.idempotency_key == once.key)
    row = (await connection.execute(select(*columns).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return Scope(row.tenant, row.subject), row.id


def _as_changed(before: Memory, after: Memory) -> Memory:
    """But for what stays."""
    return replace(
        after, id=before.id, scope=before.scope, kind=before.kind, session=before.session, text=before.text,
        created_at=before.created_at, source=before.source, embedded=before.embedded,
    )  # fmt: skip


async def _found(connection: AsyncConnection, scope: Scope, memory_id: str) -> dict[str, Memory]:
    query = memories().where(within(MEMORIES, [scope]), MEMORIES.c.id == memory_id)
    return {row.id: memory_of(row) for row in await connection.execute(query)}


def _batches(ids: Iterable[str]) -> Iterable[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
