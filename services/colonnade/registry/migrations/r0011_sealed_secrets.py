"""Room for secrets of webhooks that are sealed. They are when the registry starts: it has the keys."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("webhooks") as webhooks:
        webhooks.alter_column(
            "secret", existing_type=sa.String(128), type_=sa.Text(), existing_nullable=False
        )


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
