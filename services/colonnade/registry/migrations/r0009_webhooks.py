"""Who is told of events."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0009"
down_revision = "0008"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("secret", sa.String(128), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(512), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.BigInteger, nullable=False),
        sa.Column("next_try", sa.BigInteger, nullable=False),
        sa.Column("last_error", sa.String(500), nullable=False),
        sa.Column("lease_holder", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    where = sa.text("idempotency_key <> ''")
    op.create_index(
        "one_webhook_a_key",
        "webhooks",
        ["owner", "idempotency_key"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
