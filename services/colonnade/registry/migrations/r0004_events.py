"""Whose a model is, and what happened in the registry."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0004"
down_revision = "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("models", sa.Column("tenant", sa.String(64), nullable=False, server_default="local"))
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("model", by_code_point(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("alias", by_code_point(64), nullable=False),
        sa.Column("by", sa.String(512), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_index("events_by_model", "events", ["model", "number"])


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
