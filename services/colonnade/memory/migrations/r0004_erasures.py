"""Erasures, and tombstones of those who were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = depends_on = None


def by_code_point(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "memory_erasures",
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("tenant", by_code_point(64), nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("asked_by", sa.String(16), nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("affected", sa.Text, nullable=False),
        sa.Column("receipt", sa.Text, nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    keyed, going_on = sa.text("idempotency_key <> ''"), sa.text("ended_at IS NULL")
    op.create_index(
        "one_erasure_a_key", "memory_erasures", ["owner", "idempotency_key"], unique=True,
        sqlite_where=keyed, postgresql_where=keyed,
    )  # fmt: skip
    op.create_index(
        "one_erasure_at_a_time", "memory_erasures", ["mark"], unique=True,
        sqlite_where=going_on, postgresql_where=going_on,
    )  # fmt: skip
    op.create_table(
        "memory_tombstones",
        sa.Column("mark", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    raise RuntimeError("the memory service's schema only moves forward; restore a backup instead")
