"""The indexes of large scopes: made in the background, kept in memory as long as there is room, and in files.

A file is written only where the rows say that nothing in it is gone, and ``tidy`` removes those that
something has gone from since. The graph in memory goes on then, and is in a file again once so much has gone
that it is made anew. usearch only marks what is removed and keeps its bytes, so nothing less would do.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select, text

from colonnade.memory.adapters import vectors_file
from colonnade.memory.adapters.vector_tables import MODELS, VECTORS
from colonnade.memory.adapters.vectors_exact import matrix_of
from colonnade.memory.adapters.vectors_graph import Graph
from colonnade.memory.adapters.vectors_rows import Model, of
from colonnade.memory.domain.scope import Scope
from colonnade.storage.sql import Database
from colonnade.telemetry import get_logger

_STRETCH = 512
"""Rows that are added at once: who asks meanwhile waits for so many."""
_FRESH = 256
"""So many new vectors are looked through one by one before the graph takes them in."""
_SAVED_AGAIN, _MADE_ANEW = 0.1, 0.1
"""The part that has come since it was saved, and that has gone since it was made."""
_COMPARED = 64
"""Of the newest vectors in a file, with their rows."""
_GIVEN = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    scope: Scope
    digest: str
    model: Model = field(compare=False)

    @property
    def place(self) -> str:
        return vectors_file.place_of(self.scope, self.digest)


class Graphs:
    """Close it."""

    def __init__(self, database: Database, folder: Path, *, most_bytes: int, at_least: int) -> None:
        """``at_least``: scopes with more vectors have a graph."""
        self._database, self._folder = database, folder
        self._most_bytes, self._at_least = most_bytes, at_least
        self._graphs: OrderedDict[Key, Graph] = OrderedDict()
        self._fresh: dict[Key, int] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._one = asyncio.Lock()  # graph is made at a time: the others wait
        self._files = asyncio.Lock()  # what is gone is either known to who writes, or found by who tidies
        vectors_file.clear_drafts(folder)

    async def open(self, key: Key) -> Graph | None:
        """None while it is made, which this begins."""
        if key not in self._graphs and key not in self._tasks:
            async with self._files:
                loaded = await asyncio.to_thread(Graph.load, self._folder, key.place, key.model.dimension)
            if loaded is not None and key not in self._graphs and await self._is_of_these_rows(key, loaded):
                self._keep(key, loaded)
            self._begin(key, self._bring_up(key))
        if (graph := self._graphs.get(key)) is not None:
            self._graphs.move_to_end(key)
        return graph

    def came(self, key: Key, count: int) -> None:
        """So many vectors were put."""
        if key in self._graphs:
            self._fresh[key] = self._fresh.get(key, 0) + count
            if self._fresh[key] >= _FRESH:
                self._begin(key, self._bring_up(key))

    async def settled(self) -> None:
        """Returns when nothing is made in the background any more."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await self.settled()

    async def tidy(self) -> None:
        """Files with anything that is gone are removed."""
        async with self._files:
            found = await asyncio.to_thread(lambda: list(vectors_file.files(self._folder)))
            places = await self._places() if found else {}
            for file in found:
                key = places.get(file.place)
                if key is None or await self._count(key, file.up_to) != file.count:
                    await asyncio.to_thread(file.path.unlink, missing_ok=True)
                    if key is not None and key in self._graphs:
                        self._graphs[key].saved = 0
        for key, graph in list(self._graphs.items()):
            there = await self._count(key, graph.up_to)
            if there <= self._at_least:
                self._graphs.pop(key, None)
            elif len(graph) - there > _MADE_ANEW * len(graph):
                self._begin(key, self._bring_up(key))

    def _begin(self, key: Key, work: Coroutine[Any, Any, None]) -> None:
        if key in self._tasks:
            work.close()
            return
        task = self._tasks[key] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _bring_up(self, key: Key) -> None:
        """To the rows as they are, and its file too if much has changed."""
        try:
            async with self._one:
                self._fresh.pop(key, None)
                graph = self._graphs.get(key)
                if graph is None or await self._too_old(key, graph):
                    graph = Graph.new(key.model.dimension)
                await self._take_in(key, graph)
                self._keep(key, graph)
                await self._save(key, graph)
        except Exception:  # what is asked is answered from the rows meanwhile
            _LOG.exception("an index of vectors could not be brought up to date", place=key.place)

    async def _is_of_these_rows(self, key: Key, graph: Graph) -> bool:
        """A database that is put back to what it was gives the same numbers again, to other vectors."""
        query = select(VECTORS.c.number, VECTORS.c.vector).where(of(key.scope, key.model))
        query = (
            query.where(VECTORS.c.number <= graph.up_to).order_by(VECTORS.c.number.desc()).limit(_COMPARED)
        )
        async with self._database.reading() as connection:
            given = await connection.scalar(_GIVEN, {"table": VECTORS.name})
            rows = (await connection.execute(query)).all()
        if (given or 0) < graph.up_to:
            return False
        matrix = matrix_of([row.vector for row in rows], key.model.dimension)
        return await asyncio.to_thread(graph.has, [row.number for row in rows], matrix)

    async def _too_old(self, key: Key, graph: Graph) -> bool:
        return len(graph) - await self._count(key, graph.up_to) > _MADE_ANEW * len(graph)

    async def _take_in(self, key: Key, graph: Graph) -> None:
        query = select(VECTORS.c.number, VECTORS.c.vector).where(of(key.scope, key.model))
        query = query.order_by(VECTORS.c.number).limit(_STRETCH)
        while True:
            async with self._database.reading() as connection:
                rows = (await connection.execute(query.where(VECTORS.c.number > graph.up_to))).all()
            if not rows:
                return
            numbers = np.array([row.number for row in rows], np.int64)
            matrix = matrix_of([row.vector for row in rows], key.model.dimension)
            await asyncio.to_thread(graph.add, numbers, matrix)

    async def _save(self, key: Key, graph: Graph) -> None:
        if len(graph) <= self._at_least or len(graph) - graph.saved <= _SAVED_AGAIN * graph.saved:
            return
        async with self._files:
            if await self._count(key, graph.up_to) == len(graph):
                await asyncio.to_thread(graph.save, self._folder, key.place)

    async def _count(self, key: Key, up_to: int) -> int:
        query = select(func.count()).where(of(key.scope, key.model), VECTORS.c.number <= up_to)
        async with self._database.reading() as connection:
            return int(await connection.scalar(query) or 0)

    async def _places(self) -> dict[str, Key]:
        """Of all scopes that are large enough for a graph."""
        columns = (VECTORS.c.tenant, VECTORS.c.subject, MODELS.c.digest, MODELS.c.number, MODELS.c.dimension)
        query = (
            select(*columns)
            .join_from(VECTORS, MODELS)
            .group_by(*columns)
            .having(func.count() > self._at_least)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        keys = (
            Key(Scope(row.tenant, row.subject), row.digest, Model(row.number, row.dimension)) for row in rows
        )
        return {key.place: key for key in keys}

    def _keep(self, key: Key, graph: Graph) -> None:
        """It may be that others have to make room, those first that were not asked for longest."""
        self._graphs[key] = graph
        self._graphs.move_to_end(key)
        while len(self._graphs) > 1 and sum(each.bytes for each in self._graphs.values()) > self._most_bytes:
            self._graphs.popitem(last=False)
