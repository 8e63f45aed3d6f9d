"""Erasures and tombstones: of people there is a mark in them, and a sealed name as long as it is needed."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, text

from colonnade.memory.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

_KEYED, _GOING_ON = text("idempotency_key <> ''"), text("ended_at IS NULL")

ERASURES = Table(
    "memory_erasures",
    METADATA,
    Column("id", by_code_point(64), primary_key=True),
    Column("tenant", by_code_point(64), nullable=False),
    Column("mark", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_by", String(16), nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("sealed", Text, nullable=False),  # the subject; empty once it has ended
    Column("steps", Text, nullable=False),  # a list, as JSON
    Column("affected", Text, nullable=False),  # a list, as JSON
    Column("receipt", Text, nullable=False),
    Column("owner", String(512), nullable=False),  # a tenant and a mark
    Column("idempotency_key", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index(
        "one_erasure_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=_KEYED, postgresql_where=_KEYED,
    ),
    Index(
        "one_erasure_at_a_time", "mark", unique=True, sqlite_where=_GOING_ON, postgresql_where=_GOING_ON
    ),
)  # fmt: skip

TOMBSTONES = Table(
    "memory_tombstones",
    METADATA,
    Column("mark", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
