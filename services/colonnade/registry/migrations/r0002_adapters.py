"""Adapters: contents that belong to another version."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("contents", sa.Column("base", sa.String(71), nullable=False, server_default=""))


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
