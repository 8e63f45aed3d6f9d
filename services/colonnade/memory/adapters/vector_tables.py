"""Where the vectors of memories are.

``number`` is never used twice, and grows: so how many vectors a scope has of a model, and the largest number
among them, say together whether anything came, went or was replaced. It is also what an index outside of the
database knows a vector by.
"""

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from colonnade.memory.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

# Never deleted: how long a model's vectors are does not change.
MODELS = Table(
    "memory_models",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("digest", String(80), nullable=False, unique=True),
    Column("dimension", Integer, nullable=False),
)

VECTORS = Table(
    "memory_vectors",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", by_code_point(64), nullable=False),
    Column("subject", by_code_point(256), nullable=False),
    Column("memory", by_code_point(64), nullable=False),
    Column("model", Integer, ForeignKey("memory_models.number"), nullable=False),
    # Of unit length; on SQLite float16, little-endian.
    Column("vector", LargeBinary().with_variant(HALFVEC(), "postgresql"), nullable=False),
    ForeignKeyConstraint(
        ["tenant", "subject", "memory"],
        ["memories.tenant", "memories.subject", "memories.id"],
        ondelete="CASCADE",
    ),
    Index("one_vector_a_memory", "tenant", "subject", "memory", unique=True),
    Index("vectors_by_model", "model", "tenant", "subject", "number"),
    sqlite_autoincrement=True,
)
