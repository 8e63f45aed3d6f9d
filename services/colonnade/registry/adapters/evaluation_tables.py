"""What was measured of versions. In the graph it stays when they are deleted."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

EVALUATIONS = Table(
    "evaluations",
    METADATA,
    Column("id", by_code_point(64), primary_key=True),
    Column("model", by_code_point(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("suite", String(128), nullable=False),
    Column("suite_digest", String(71), nullable=False),
    Column("results", Text, nullable=False),  # by name, as JSON
    Column("outcome", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(512), nullable=False),
    Column("origin", String(256), nullable=False),
    Column("owner", String(512), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index(
        "one_evaluation_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=text("idempotency_key <> ''"), postgresql_where=text("idempotency_key <> ''"),
    ),
    Index("evaluations_by_version", "model", "version", "id"),
)  # fmt: skip
