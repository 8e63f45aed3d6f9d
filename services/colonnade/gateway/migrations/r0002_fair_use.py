"""Limits of keys, tenants and models, and what was used.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("kind", by_code_point(16), primary_key=True),
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("name", by_code_point(256), primary_key=True),
        sa.Column("requests_per_minute", sa.BigInteger),
        sa.Column("tokens_per_minute", sa.BigInteger),
        sa.Column("concurrent_requests", sa.BigInteger),
        sa.Column("monthly_tokens", sa.BigInteger),
        sa.Column("max_priority", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.String(256), nullable=False),
    )
    op.create_table(
        "usage",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("key_id", by_code_point(64), primary_key=True),
        sa.Column("model", by_code_point(256), primary_key=True),
        sa.Column("adapter", by_code_point(256), primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
    )
    op.create_table("usage_batches", sa.Column("id", sa.String(64), primary_key=True))


def downgrade() -> None:
    op.drop_table("usage_batches")
    op.drop_table("usage")
    op.drop_table("limits")
