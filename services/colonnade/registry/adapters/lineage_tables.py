"""The graph of what came from what. No foreign keys to versions: what was deleted stays in the graph."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

LINEAGE_NODES = Table(
    "lineage_nodes",
    METADATA,
    Column("key", by_code_point(300), primary_key=True),  # kind:id
    Column("label", String(256), nullable=False),
    Column("facts", Text, nullable=False),
)

LINEAGE_EDGES = Table(
    "lineage_edges",
    METADATA,
    Column("source", by_code_point(300), ForeignKey("lineage_nodes.key"), primary_key=True),
    Column("relation", String(32), primary_key=True),
    Column("target", by_code_point(300), ForeignKey("lineage_nodes.key"), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", String(512), nullable=False),
    Index("lineage_edges_downstream", "target", "source"),
)

LINEAGE_KEYS = Table(
    "lineage_keys",
    METADATA,
    Column("owner", String(512), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("added", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
