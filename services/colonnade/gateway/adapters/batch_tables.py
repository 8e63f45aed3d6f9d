"""The tables of files and batches in the gateway's own database."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, text

from colonnade.gateway.adapters.sql import METADATA

FILES = Table(
    "files",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("filename", String(512), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("idempotency_key", String(128), nullable=False),
)
BATCHES = Table(
    "batches",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("input_file_id", String(64), nullable=False),
    Column("output_file_id", String(64), nullable=False),
    Column("error_file_id", String(64), nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("metadata", Text, nullable=False),
    Column("errors", Text, nullable=False),
    Column("times", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("completed", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("lease_holder", String(64), nullable=False),
    Column("lease_until", BigInteger, nullable=False),
)
LINES = Table(
    "batch_lines",
    METADATA,
    Column("batch_id", String(64), primary_key=True),
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    Column("custom_id", Text, nullable=False),
    Column("status_code", BigInteger, nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("body", Text, nullable=False),
)
_USED = text("idempotency_key <> ''")
for _table in (FILES, BATCHES):
    Index(f"ix_{_table.name}_page", _table.c.tenant, _table.c.created_at, _table.c.id)
    Index(
        f"ix_{_table.name}_idempotency",
        _table.c.tenant,
        _table.c.idempotency_key,
        unique=True,
        sqlite_where=_USED,
        postgresql_where=_USED,
    )
