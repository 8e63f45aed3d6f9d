"""The tables of rollouts. What decides who gets which version stands in columns; the rest in one document."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

ROLLOUTS = Table(
    "rollouts",
    METADATA,
    Column("id", by_code_point(64), primary_key=True),
    Column("model", by_code_point(128), ForeignKey("models.name"), nullable=False),
    Column("alias", by_code_point(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("under_way", Integer, nullable=False),
    Column("rollout", Text, nullable=False),  # all of it, as JSON
    Column("policy", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(512), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("lease_holder", String(64), nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("owner", String(512), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index(
        "one_rollout_an_alias", "model", "alias", unique=True,
        sqlite_where=text("under_way = 1"), postgresql_where=text("under_way = 1"),
    ),
    Index(
        "one_rollout_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=text("idempotency_key <> ''"), postgresql_where=text("idempotency_key <> ''"),
    ),
    Index("rollouts_by_model", "model", "id"),
)  # fmt: skip

ROLLOUT_EVENTS = Table(
    "rollout_events",
    METADATA,
    Column("rollout", by_code_point(64), ForeignKey("rollouts.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("what", String(32), nullable=False),
    Column("by", String(512), nullable=False),
    Column("words", Text, nullable=False),
)

ROLLOUT_REPORTS = Table(
    "rollout_reports",
    METADATA,
    Column("rollout", by_code_point(64), ForeignKey("rollouts.id"), primary_key=True),
    Column("phase", by_code_point(64), primary_key=True),
    Column("instance", by_code_point(64), primary_key=True),
    Column("requests", BigInteger, nullable=False),  # of both versions: which of two reports says more
    Column("candidate", Text, nullable=False),
    Column("stable", Text, nullable=False),
)
