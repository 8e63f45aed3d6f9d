"""The memory service's tables. Whose a row is stands first in every key.

Times are microseconds since 1970 in UTC, on every database the same. ``memory_fts``, SQLite's index of
words, is a virtual table over ``memory_words``: it is made in the first migration and is in no metadata.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from colonnade.storage.sql import by_code_point

METADATA = MetaData()
SLICE = 8192
"""Characters of a document's text in each row but the last."""
_KEYED = text("idempotency_key <> ''")


def owned() -> list[Column[Any]]:
    """Whose it is: the first columns of every key."""
    return [
        Column("tenant", by_code_point(64), primary_key=True),
        Column("subject", by_code_point(256), primary_key=True),
    ]


def _asked_once() -> list[Column[Any]]:
    return [
        Column("owner", String(512), nullable=False),
        Column("idempotency_key", String(128), nullable=False),
        Column("fingerprint", String(64), nullable=False),
    ]


def _of(column: str, table: str, key: str) -> ForeignKeyConstraint:
    targets = [f"{table}.tenant", f"{table}.subject", f"{table}.{key}"]
    return ForeignKeyConstraint(["tenant", "subject", column], targets, ondelete="CASCADE")


MEMORIES = Table(
    "memories",
    METADATA,
    *owned(),
    Column("id", by_code_point(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("tier", String(16), nullable=False),
    Column("session", by_code_point(128), nullable=False),
    Column("happened_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("importance", Double, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("role", String(16), nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("votes", Integer, nullable=False),
    Column("document", by_code_point(64), nullable=False),  # empty: of none
    Column("document_name", String(512), nullable=False),
    Column("beginning", BigInteger, nullable=False),
    Column("ending", BigInteger, nullable=False),
    Column("page", Integer, nullable=False),
    Column("people", Text, nullable=False),  # a list, as JSON
    Column("made_of", Text, nullable=False),  # a list, as JSON
    Column("text", Text, nullable=False),
    *_asked_once(),
    Index(
        "one_memory_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=_KEYED, postgresql_where=_KEYED,
    ),
    Index("memories_by_session", "tenant", "subject", "session", "kind", "happened_at"),
    Index("memories_by_document", "tenant", "subject", "document"),
)  # fmt: skip

# The words of a memory, joined by blanks; its tags are words too, which stand for whose it is, and for its
# kind, session and document there.
WORDS = Table(
    "memory_words",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", by_code_point(64), nullable=False),
    Column("subject", by_code_point(256), nullable=False),
    Column("memory", by_code_point(64), nullable=False),
    Column("tags", String(160), nullable=False),
    Column("length", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("lexemes", TSVECTOR().with_variant(Text, "sqlite")),  # PostgreSQL's index of them
    _of("memory", "memories", "id"),
    Index("one_row_of_words", "tenant", "subject", "memory", unique=True),
    Index("memories_by_word", "lexemes", postgresql_using="gin").ddl_if("postgresql"),
)

# How much a scope holds; no row where it holds no memory.
SCOPES = Table(
    "memory_scopes",
    METADATA,
    *owned(),
    Column("memories", BigInteger, nullable=False),
    Column("words", BigInteger, nullable=False),
)

# What long sessions come to.
SUMMARIES = Table(
    "memory_summaries",
    METADATA,
    *owned(),
    Column("session", by_code_point(128), primary_key=True),
    Column("summary", Text, nullable=False),
    Column("summarised", by_code_point(64), nullable=False),  # the last turn of it
)

DOCUMENTS = Table(
    "memory_documents",
    METADATA,
    *owned(),
    Column("id", by_code_point(64), primary_key=True),
    Column("name", String(512), nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("characters", BigInteger, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    *_asked_once(),
    Index(
        "one_document_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=_KEYED, postgresql_where=_KEYED,
    ),
)  # fmt: skip

TEXTS = Table(
    "memory_texts",
    METADATA,
    *owned(),
    Column("document", by_code_point(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    _of("document", "memory_documents", "id"),
)
