"""Who is told of events, how far, and by whom."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("id", by_code_point(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("url", String(2048), nullable=False),
    Column("models", Text, nullable=False),  # as JSON, as are the kinds
    Column("kinds", Text, nullable=False),
    Column("secret", Text, nullable=False),  # sealed
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(512), nullable=False),
    Column("state", String(16), nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", BigInteger, nullable=False),  # 0: it does not fail
    Column("next_try", BigInteger, nullable=False),
    Column("last_error", String(500), nullable=False),
    Column("lease_holder", String(64), nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("owner", String(512), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index(
        "one_webhook_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=text("idempotency_key <> ''"), postgresql_where=text("idempotency_key <> ''"),
    ),
)  # fmt: skip
