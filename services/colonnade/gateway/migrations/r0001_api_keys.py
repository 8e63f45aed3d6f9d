"""API keys.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("secret_hash", sa.String(128), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False, index=True),
        sa.Column("roles", sa.String(256), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(256), nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("replaces", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
    )
    used = sa.text("idempotency_key <> ''")
    op.create_index(
        "ix_api_keys_idempotency",
        "api_keys",
        ["tenant", "idempotency_key"],
        unique=True,
        sqlite_where=used,
        postgresql_where=used,
    )


def downgrade() -> None:
    op.drop_table("api_keys")
