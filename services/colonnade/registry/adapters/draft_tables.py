"""The tables of drafts. A draft's row stays when it is over: its number is never given again."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, String, Table, text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

DRAFTS = Table(
    "drafts",
    METADATA,
    Column("model", by_code_point(128), primary_key=True),  # which may not be there before it is sealed
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("room", String(32), nullable=False),  # where its uploads wait, also under another name
    Column("state", String(16), nullable=False),
    Column("message", String(2000), nullable=False),
    Column("source", String(4096), nullable=False),
    Column("alias", by_code_point(64), nullable=False),
    Column("base", String(256), nullable=False),
    Column("description", String(2000), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(512), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("importer", String(32), nullable=False, server_default=""),  # which registry, while one does
    Column("owner", String(512), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index(
        "one_draft_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=text("idempotency_key <> ''"), postgresql_where=text("idempotency_key <> ''"),
    ),
    Index("drafts_by_state", "state", "created_at"),
)  # fmt: skip

DRAFT_FILES = Table(
    "draft_files",
    METADATA,
    Column("model", by_code_point(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("path", by_code_point(512), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("held", Integer, nullable=False),  # 1: the blob store has it
    ForeignKeyConstraint(["model", "number"], ["drafts.model", "drafts.number"], name="of_a_draft"),
)
