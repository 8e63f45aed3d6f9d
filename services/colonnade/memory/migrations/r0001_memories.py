"""Memories, their words, sessions' summaries, and documents with their text."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from colonnade.storage.sql import by_code_point

revision = "0001"
down_revision = None
branch_labels = depends_on = None

# The words stand in memory_words already: this keeps its index alone. They are stems of ours, joined by
# blanks, which no tokenizer may cut any further. Triggers, which could keep it, may not touch virtual tables
# where the schema is not trusted, and it is not here.
_FTS = (
    """CREATE VIRTUAL TABLE memory_fts USING fts5(
        tags, words, content='memory_words', content_rowid='number', tokenize="ascii tokenchars '_'")""",
    "INSERT INTO memory_fts(memory_fts, rank) VALUES('rank', 'bm25(0.0, 1.0)')",
)
_KEYED = sa.text("idempotency_key <> ''")


def upgrade() -> None:
    _memories()
    _words()
    _sessions()
    _documents()


def _memories() -> None:
    op.create_table(
        "memories",
        *_owned(),
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("session", by_code_point(128), nullable=False),
        sa.Column("happened_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("importance", sa.Double, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("uses", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("votes", sa.Integer, nullable=False),
        sa.Column("document", by_code_point(64), nullable=False),
        sa.Column("document_name", sa.String(512), nullable=False),
        sa.Column("beginning", sa.BigInteger, nullable=False),
        sa.Column("ending", sa.BigInteger, nullable=False),
        sa.Column("page", sa.Integer, nullable=False),
        sa.Column("people", sa.Text, nullable=False),
        sa.Column("made_of", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        *_asked_once(),
    )
    _one_a_key("one_memory_a_key", "memories")
    op.create_index(
        "memories_by_session", "memories", ["tenant", "subject", "session", "kind", "happened_at"]
    )
    op.create_index("memories_by_document", "memories", ["tenant", "subject", "document"])


def _words() -> None:
    op.create_table(
        "memory_words",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("tenant", by_code_point(64), nullable=False),
        sa.Column("subject", by_code_point(256), nullable=False),
        sa.Column("memory", by_code_point(64), nullable=False),
        sa.Column("tags", sa.String(160), nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("lexemes", TSVECTOR().with_variant(sa.Text, "sqlite")),
        _of("memory", "memories", "id"),
    )
    op.create_index("one_row_of_words", "memory_words", ["tenant", "subject", "memory"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        for statement in _FTS:
            op.execute(statement)
    else:
        op.create_index("memories_by_word", "memory_words", ["lexemes"], postgresql_using="gin")
    op.create_table(
        "memory_scopes",
        *_owned(),
        sa.Column("memories", sa.BigInteger, nullable=False),
        sa.Column("words", sa.BigInteger, nullable=False),
    )


def _sessions() -> None:
    op.create_table(
        "memory_summaries",
        *_owned(),
        sa.Column("session", by_code_point(128), primary_key=True),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("summarised", by_code_point(64), nullable=False),
    )


def _documents() -> None:
    op.create_table(
        "memory_documents",
        *_owned(),
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("characters", sa.BigInteger, nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        *_asked_once(),
    )
    _one_a_key("one_document_a_key", "memory_documents")
    op.create_table(
        "memory_texts",
        *_owned(),
        sa.Column("document", by_code_point(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
        _of("document", "memory_documents", "id"),
    )


def _owned() -> list[sa.Column[Any]]:
    return [
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("subject", by_code_point(256), primary_key=True),
    ]


def _asked_once() -> list[sa.Column[Any]]:
    return [
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    ]


def _of(column: str, table: str, key: str) -> sa.ForeignKeyConstraint:
    targets = [f"{table}.tenant", f"{table}.subject", f"{table}.{key}"]
    return sa.ForeignKeyConstraint(["tenant", "subject", column], targets, ondelete="CASCADE")


def _one_a_key(name: str, table: str) -> None:
    op.create_index(
        name, table, ["owner", "idempotency_key"],
        unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED,
    )  # fmt: skip


def downgrade() -> None:
    raise RuntimeError("the memory service's schema only moves forward; restore a backup instead")
