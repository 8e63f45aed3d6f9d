"""Which versions an erasure concerns.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "erased_versions",
        sa.Column("erasure", sa.String(64), primary_key=True),
        sa.Column("job", by_code_point(64), primary_key=True),
        sa.Column("model", sa.String(256), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    raise RuntimeError("the training service's schema only moves forward; restore a backup instead")
