"""What happened, told in the transaction in which it happened."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

EVENTS = Table(
    "events",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("model", by_code_point(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("alias", by_code_point(64), nullable=False),
    Column("by", String(512), nullable=False),
    Column("facts", Text, nullable=False),
    Index("events_by_model", "model", "number"),
)
