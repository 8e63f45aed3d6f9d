"""The table of seals."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

# Refers to no version on purpose: a seal proves itself or nothing, whatever the row says that it is in.
SEALS = Table(
    "seals",
    METADATA,
    Column("model", by_code_point(128), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("key", String(64), nullable=False),
    Column("bundle", Text, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("sealed_by", String(512), nullable=False),
)
