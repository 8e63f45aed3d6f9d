"""Who works in the background."""

from sqlalchemy import BigInteger, Column, String, Table

from colonnade.memory.adapters.tables import METADATA

LEASES = Table(
    "memory_leases",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),
)
