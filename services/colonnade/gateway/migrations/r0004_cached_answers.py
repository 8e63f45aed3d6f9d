"""Usage: answers that caches gave.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = ("cached_requests", "cached_completion_tokens")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("usage", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("usage", name)
