"""Vectors of memories. On PostgreSQL they are pgvector's."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC

from colonnade.errors import Unsupported
from colonnade.storage.sql import by_code_point

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _extend()
    op.create_table(
        "memory_models",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(80), nullable=False, unique=True),
        sa.Column("dimension", sa.Integer, nullable=False),
    )
    op.create_table(
        "memory_vectors",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("tenant", by_code_point(64), nullable=False),
        sa.Column("subject", by_code_point(256), nullable=False),
        sa.Column("memory", by_code_point(64), nullable=False),
        sa.Column("model", sa.Integer, sa.ForeignKey("memory_models.number"), nullable=False),
        sa.Column("vector", sa.LargeBinary().with_variant(HALFVEC(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "subject", "memory"],
            ["memories.tenant", "memories.subject", "memories.id"],
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("one_vector_a_memory", "memory_vectors", ["tenant", "subject", "memory"], unique=True)
    op.create_index("vectors_by_model", "memory_vectors", ["model", "tenant", "subject", "number"])


def downgrade() -> None:
    raise RuntimeError("the memory service's schema only moves forward; restore a backup instead")


def _extend() -> None:
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")):
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION vector"))
    except sa.exc.DBAPIError as error:
        raise Unsupported(
            "this PostgreSQL has no pgvector, where memory keeps vectors: install pgvector 0.8 or newer, and"
            " let an administrator run CREATE EXTENSION vector in this database",
            field="database_url",
        ) from error
