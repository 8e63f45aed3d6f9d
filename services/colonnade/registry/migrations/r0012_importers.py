"""Which registry imports a draft, where several share a database."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("drafts", sa.Column("importer", sa.String(32), nullable=False, server_default=""))


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
