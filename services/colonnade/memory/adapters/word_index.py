"""The databases' own indexes of words, asked for some scopes.

SQLite ranks by FTS5's BM25, whose counts are those of the whole file. PostgreSQL has none: it is worked out
from ``ts_rank``, which of a single word tells how often it is there. A memory's tags are part of each
question, so that neither index looks at what is not asked.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Double,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.memory.adapters.rows import within
from colonnade.memory.adapters.tables import MEMORIES, WORDS
from colonnade.memory.domain.memories import Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.words import K1, B, Counts

FTS = table("memory_fts", *map(column, ("rowid", "tags", "words", "rank", "memory_fts")))
_MOST_PLACES = 255  # of a word in a tsvector
_SATURATION = 0.645
"""``x / (x + 0.645)`` is ten times ``ts_rank`` of a word that occurs ``x`` times, within 2 %: the sum of
``1 / j^2`` up to ``x``, over the sum of all."""
_NEWEST, _SEEN_OFTEN = 20_000, 40
"""In a large scope it is looked how many of its newest texts have a word. Where that are fewer than the
second, all are counted, for those are few."""
_ALL = Filter()
_SINGLE, _DOUBLE = "'", '"'


class WordIndex(Protocol):
    @property
    def number(self) -> ColumnElement[int]: ...

    def has_any(self, stems: Sequence[str], wanted: Filter) -> ColumnElement[bool]:
        """Of what the index can tell of ``wanted``: all but the times."""
        ...

    def allows(self, filters: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
        """It is of those scopes, and passes."""
        ...

    def rank(self, stems: Iterable[str], counts: Counts) -> ColumnElement[Any]:
        """Smallest first: those that are likely to be best."""
        ...

    async def count(self, connection: AsyncConnection, stems: Sequence[str], texts: int) -> Mapping[str, int]:
        """How many of those scopes' ``texts`` have each stem: about as many, where that is a lot."""
        ...


class Fts:
    """SQLite's FTS5. What it cannot tell is looked at row by row, best first, until there are enough."""

    number = FTS.c.rowid

    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._scopes = scopes

    def has_any(self, stems: Sequence[str], wanted: Filter) -> ColumnElement[bool]:
        every = [*(("tags", any_of) for any_of in _tags_asked(self._scopes, wanted)), ("words", stems)]
        found = " AND ".join(f"{where} : ({_quoted(any_of, _DOUBLE, ' OR ')})" for where, any_of in every)
        return _match(found)

    def allows(self, filters: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
        of_memories = [_same(), *filters] if filters else []
        return exists().where(WORDS.c.number == self.number, within(WORDS, self._scopes), *of_memories)

    def rank(self, stems: Iterable[str], counts: Counts) -> ColumnElement[Any]:
        return FTS.c.rank

    async def count(self, connection: AsyncConnection, stems: Sequence[str], texts: int) -> Mapping[str, int]:
        if texts <= _NEWEST:
            return await self._having(connection, stems, 0)
        tags = " OR ".join(f'"{tag}"' for tag in _tags_asked(self._scopes, _ALL)[0])
        newest = select(self.number).where(_match(f"tags : ({tags})")).order_by(self.number.desc())
        since = await connection.scalar(newest.limit(1).offset(_NEWEST - 1)) or 0
        seen = await self._having(connection, stems, since)
        many = {stem: count * texts // _NEWEST for stem, count in seen.items() if count >= _SEEN_OFTEN}
        few = [stem for stem in stems if stem not in many]
        return {**many, **(await self._having(connection, few, 0) if few else {})}

    async def _having(
        self, connection: AsyncConnection, stems: Sequence[str], since: int
    ) -> Mapping[str, int]:
        def one(stem: str) -> ColumnElement[int]:
            counted = select(func.count()).select_from(FTS).where(self.has_any([stem], _ALL))
            return (counted.where(self.number >= since) if since else counted).scalar_subquery()

        columns = (one(stem).label(f"of_{place}") for place, stem in enumerate(stems))
        return dict(zip(stems, (await connection.execute(select(*columns))).one(), strict=True))


class Tsvector:
    """PostgreSQL's tsvector with its GIN index."""

    number = WORDS.c.number

    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._scopes = scopes

    def has_any(self, stems: Sequence[str], wanted: Filter) -> ColumnElement[bool]:
        tags = ([f"@{tag}" for tag in any_of] for any_of in _tags_asked(self._scopes, wanted))
        every = [*tags, stems]
        return _matches(" & ".join(f"({_quoted(any_of, _SINGLE, ' | ')})" for any_of in every))

    def allows(self, filters: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
        passes = [exists().where(_same(), *filters)] if filters else []
        return and_(within(WORDS, self._scopes), *passes)

    def rank(self, stems: Iterable[str], counts: Counts) -> ColumnElement[Any]:
        norm = K1 * (1 - B + B * WORDS.c.length * counts.texts / float(max(1, counts.words)))
        total: ColumnElement[float] = literal(0.0)
        for stem in stems:
            near = 10 * cast(func.ts_rank(WORDS.c.lexemes, _query(f"'{stem}'")), Double)
            times = _SATURATION * near / func.greatest(1 - near, 0.001)
            total = total + counts.idf(stem) * times * (K1 + 1) / (times + norm)
        return total.desc()

    async def count(self, connection: AsyncConnection, stems: Sequence[str], texts: int) -> Mapping[str, int]:
        each = (func.count().filter(_matches(f"'{stem}'")) for stem in stems)
        columns: Sequence[ColumnElement[Any]] = [one.label(f"of_{place}") for place, one in enumerate(each)]
        query = select(*columns).where(self.has_any(stems, _ALL), within(WORDS, self._scopes))
        return dict(zip(stems, (await connection.execute(query)).one(), strict=True))


def tags_of(memory: Memory) -> list[str]:
    """What is never another: whose it is, of what kind, of which session and document."""
    scope, source = memory.scope, memory.source
    found = [_tag(scope), _tag(scope, "kind", memory.kind.value)]
    if memory.session:
        found.append(_tag(scope, "session", memory.session))
    if source:
        found.append(_tag(scope, "document", source.document))
    return found


def lexemes_of(tags: Sequence[str], words: Sequence[str]) -> str:
    """A tsvector; how many places a word has is how often it occurs. No word has the mark of a tag."""
    found = [f"'@{tag}':1" for tag in tags]
    for word, often in Counter(words).items():
        places = ",".join(map(str, range(1, min(often, _MOST_PLACES) + 1)))
        found.append(f"'{word}':{places}")
    return " ".join(found)


def _tags_asked(scopes: Sequence[Scope], wanted: Filter) -> list[list[str]]:
    """A memory has one of each list."""
    kinds = [("kind", kind.value) for kind in sorted(wanted.kinds)]
    sessions = [("session", wanted.session)] if wanted.session else []
    documents = [("document", document) for document in sorted(wanted.documents)]
    asked = [each for each in (kinds, sessions, documents) if each]
    if not asked:
        return [[_tag(scope) for scope in scopes]]
    return [[_tag(scope, *more) for scope in scopes for more in each] for each in asked]


def _tag(scope: Scope, *more: str) -> str:
    whose = "\0".join((scope.tenant, scope.subject, *more))
    return hashlib.sha256(whose.encode()).hexdigest()[:32]


def _same() -> ColumnElement[bool]:
    return and_(
        MEMORIES.c.tenant == WORDS.c.tenant,
        MEMORIES.c.subject == WORDS.c.subject,
        MEMORIES.c.id == WORDS.c.memory,
    )


def _match(question: str) -> ColumnElement[bool]:
    return literal_column("memory_fts").bool_op("MATCH")(question)


def _matches(question: str) -> ColumnElement[bool]:
    return WORDS.c.lexemes.bool_op("@@")(_query(question))


def _query(question: str) -> ColumnElement[Any]:
    return cast(literal(question), TSQUERY)


def _quoted(words: Iterable[str], mark: str, between: str) -> str:
    """No word has a mark in it: it is letters and digits."""
    return between.join(f"{mark}{word}{mark}" for word in words)
