"""Words of memories in SQL: kept, counted, and the memories that have some of a question's.

The database finds and ranks candidates with an index of its own; ``words.scored`` says which are best, so
that both databases order alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.rows import passing, within
from colonnade.memory.adapters.tables import SCOPES, WORDS
from colonnade.memory.adapters.word_index import FTS, Fts, Tsvector, WordIndex, lexemes_of, tags_of
from colonnade.memory.domain.memories import Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import ByWords, Filter
from colonnade.memory.words import Counts, scored, words_of

_FEWEST_CANDIDATES, _CANDIDATES_EACH = 200, 10
_MOST_LOOKED_AT = 20_000
"""Texts that the database ranks, but that those of the rarest word are all ranked."""


def rows_of_words(memories: Sequence[Memory], *, is_sqlite: bool) -> list[dict[str, Any]]:
    """Rows of ``WORDS``. Takes a while for many."""
    found = []
    for memory in memories:
        words = words_of(memory.text)
        tags = tags_of(memory)
        found.append(
            {
                "tenant": memory.scope.tenant,
                "subject": memory.scope.subject,
                "memory": memory.id,
                "tags": " ".join(tags),
                "length": len(words),
                "words": " ".join(words),
                "lexemes": None if is_sqlite else lexemes_of(tags, words),
            }
        )
    return found


async def keep(connection: AsyncConnection, scope: Scope, rows: Sequence[Mapping[str, Any]]) -> None:
    """The words of new memories of one scope."""
    if not rows:
        return
    last = await connection.scalar(select(func.max(WORDS.c.number))) if _is_sqlite(connection) else None
    await connection.execute(insert(WORDS), rows)
    if _is_sqlite(connection):
        columns = (WORDS.c.number, WORDS.c.tags, WORDS.c.words)
        new = select(*columns).where(WORDS.c.number > (last or 0))
        await connection.execute(insert(FTS).from_select(["rowid", "tags", "words"], new))
    await count(connection, scope, len(rows), sum(row["length"] for row in rows))


async def drop(connection: AsyncConnection, scope: Scope, which: Select[Any]) -> int:
    """The words of memories of one scope, given by their ids; how many words it were."""
    mine = and_(within(WORDS, [scope]), WORDS.c.memory.in_(which))
    words = await connection.scalar(select(func.sum(WORDS.c.length)).where(mine))
    if _is_sqlite(connection):
        columns = (literal("delete"), WORDS.c.number, WORDS.c.tags, WORDS.c.words)
        names = ["memory_fts", "rowid", "tags", "words"]
        await connection.execute(insert(FTS).from_select(names, select(*columns).where(mine)))
    await connection.execute(delete(WORDS).where(mine))
    return int(words or 0)


async def count(connection: AsyncConnection, scope: Scope, memories: int, words: int) -> None:
    """So many came, or went."""
    mine = within(SCOPES, [scope])
    more = {"memories": SCOPES.c.memories + memories, "words": SCOPES.c.words + words}
    if not (await connection.execute(update(SCOPES).where(mine).values(**more))).rowcount:
        row = {"tenant": scope.tenant, "subject": scope.subject, "memories": memories, "words": words}
        await connection.execute(insert(SCOPES).values(**row))
    elif memories < 0:
        await connection.execute(delete(SCOPES).where(mine, SCOPES.c.memories <= 0))


async def best(
    connection: AsyncConnection,
    scopes: Sequence[Scope],
    question: Mapping[str, str],
    wanted: Filter,
    limit: int,
) -> list[ByWords]:
    """``question`` is as ``words.asked``."""
    totals = select(func.sum(SCOPES.c.memories), func.sum(SCOPES.c.words)).where(within(SCOPES, scopes))
    texts, words = (int(total or 0) for total in (await connection.execute(totals)).one())
    if not (texts and question):
        return []
    index: WordIndex = Fts(scopes) if _is_sqlite(connection) else Tsvector(scopes)
    counts = Counts(texts, words, await index.count(connection, list(question), texts))
    there = {stem: word for stem, word in question.items() if counts.having[stem]}
    if not there:
        return []
    choosing = _rarest(counts, there)
    numbers = (
        select(index.number)
        .where(index.has_any(choosing, wanted), index.allows(passing(wanted)))
        .order_by(index.rank(choosing, counts))
        .limit(max(_FEWEST_CANDIDATES, _CANDIDATES_EACH * limit))
        .correlate(None)
    )
    found = await connection.execute(select(WORDS.c.memory, WORDS.c.words).where(WORDS.c.number.in_(numbers)))
    return scored(((row.memory, row.words.split(" ")) for row in found), there, counts, limit)


def _rarest(counts: Counts, stems: Iterable[str]) -> list[str]:
    """Those that choose the candidates: what is nearly everywhere tells little, and takes longest."""
    chosen: list[str] = []
    looked_at = 0
    for stem in sorted(stems, key=lambda stem: counts.having[stem]):
        looked_at += counts.having[stem]
        if chosen and looked_at > _MOST_LOOKED_AT:
            break
        chosen.append(stem)
    return chosen


def _is_sqlite(connection: AsyncConnection) -> bool:
    return connection.dialect.name == "sqlite"
