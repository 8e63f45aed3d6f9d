"""A memory of some size, filled and asked in a process of its own, so that its memory can be watched.

``python -m evidence.performance.memories.process fill|ask SIZE FOLDER``; ``ask`` writes ``asked.json`` there.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.adapters.vectors_embedded import EmbeddedVectors
from colonnade.memory.domain.documents import Document, Read
from colonnade.memory.domain.memories import Kind, Memory, Source, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.ports import Embedded
from colonnade.memory.service.at_once import AtOnce
from colonnade.memory.service.searching import Question, Searching
from colonnade.memory.service.uses import Uses
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from evidence.performance.memories.passages import Passages, more, prepared
from evidence.performance.suite import Suite

MODEL = "sha256:" + "0" * 64
_SCOPE = Scope("acme", "reader")
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_TOGETHER = 500
_NEAREST = 10
_EVERYTHING = Filter()


class Known:
    """Embeds the questions, whose vectors are known: what is measured is the search."""

    def __init__(self, passages: Passages) -> None:
        self._vectors = dict(zip(passages.questions, passages.asked.tolist(), strict=True))

    async def model(self) -> str:
        return MODEL

    async def embed(self, texts: Sequence[str]) -> Embedded:
        return Embedded(MODEL, [self._vectors[text] for text in texts])


class NoReranker:
    async def likelihoods(self, question: str, passages: Sequence[str]) -> Sequence[float]:
        raise AssertionError("nobody asks for it")


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[SqlMemoryStore, EmbeddedVectors]]:
    database = Database(sqlite_url(folder / "memory.db"), secure_delete=True)
    await migrate(database, "colonnade.memory")
    vectors = EmbeddedVectors(database, folder / "vectors")
    try:
        yield SqlMemoryStore(database), vectors
    finally:
        await vectors.close()
        await database.close()


async def fill(passages: Passages, size: int, folder: Path) -> None:
    """Documents of some hundred pieces each; pieces are numbered in the order of the vectors."""
    async with opened(folder) as (store, vectors):
        number = 0
        for texts, of in more(passages, size):
            for start in range(0, len(texts), _TOGETHER):
                some = texts[start : start + _TOGETHER]
                chunks = [_chunk(number + place, text) for place, text in enumerate(some)]
                await store.add_document(_document(number, some), Read("\n".join(some)), chunks, None)
                by_id = {
                    chunk.id: vector
                    for chunk, vector in zip(chunks, of[start : start + _TOGETHER].tolist(), strict=True)
                }
                await vectors.put(_SCOPE, MODEL, by_id)
                number += len(some)
        await vectors.nearest([_SCOPE], MODEL, passages.asked[0].tolist(), _EVERYTHING, _NEAREST)
        await vectors.graphs.settled()


async def ask(passages: Passages, folder: Path) -> dict[str, Any]:
    """Milliseconds of each question, by way; and the numbers of what is nearest."""
    async with opened(folder) as (store, vectors):
        uses = Uses(store)
        searching = Searching(store, vectors, AtOnce(Known(passages)), NoReranker(), uses)
        asked = list(zip(passages.questions, passages.asked.tolist(), strict=True))
        await vectors.nearest([_SCOPE], MODEL, asked[0][1], _EVERYTHING, _NEAREST)
        await vectors.graphs.settled()
        taken: dict[str, list[float]] = {"vectors": [], "words": [], "both": []}
        found: list[list[int]] = []
        for question, vector in asked:
            began = time.perf_counter()
            near = await vectors.nearest([_SCOPE], MODEL, vector, _EVERYTHING, _NEAREST)
            taken["vectors"].append(_ms(began))
            began = time.perf_counter()
            await store.by_words([_SCOPE], question, _EVERYTHING, 50)
            taken["words"].append(_ms(began))
            began = time.perf_counter()
            await searching.found(_SCOPE, Question(question))
            taken["both"].append(_ms(began))
            await uses.close()
            found.append([int(each.id.removeprefix("mem_"), 16) for each in near])
        return {"milliseconds": taken, "nearest": found}


def _ms(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


def _chunk(number: int, text: str) -> Memory:
    source = Source("doc", "pages.txt", 0, len(text))
    return Memory(f"mem_{number:028x}", _SCOPE, Kind.CHUNK, Tier.LONG, text, _AT, _AT, source=source)


def _document(number: int, texts: Sequence[str]) -> Document:
    characters = sum(map(len, texts)) + len(texts) - 1
    return Document(
        f"doc_{number:028x}", _SCOPE, f"pages {number}.txt", "text/plain", characters,
        f"sha256:{number:064x}", characters, 0, len(texts), _AT,
    )  # fmt: skip


def main(what: str, size: int, folder: Path) -> None:
    passages = prepared(Suite(threads=1))
    if what == "fill":
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(fill(passages, size, folder))
    else:
        (folder / "asked.json").write_text(json.dumps(asyncio.run(ask(passages, folder))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
