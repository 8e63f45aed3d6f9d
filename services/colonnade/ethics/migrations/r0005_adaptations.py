"""Adaptations, the pieces of work that they are made of, and whose feedback is in their rows."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0005"
down_revision = "0004"
branch_labels = depends_on = None

_KEYED = sa.text("idempotency_key <> ''")


def upgrade() -> None:
    op.create_table(
        "adaptations",
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("tenant", by_code_point(64), nullable=False),
        sa.Column("model", by_code_point(128), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(384), nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("adaptation", sa.Text, nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("owner", by_code_point(384), nullable=False),
        sa.Column("idempotency_key", by_code_point(256), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    op.create_index("adaptations_by_tenant", "adaptations", ["tenant", "id"])
    op.create_index(
        "adaptations_by_key", "adaptations", ["owner", "idempotency_key"], unique=True,
        sqlite_where=_KEYED, postgresql_where=_KEYED,
    )  # fmt: skip
    op.create_table(
        "adaptation_pieces",
        sa.Column("adaptation", by_code_point(64), primary_key=True),
        sa.Column("piece", by_code_point(160), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "adaptation_givers",
        sa.Column("adaptation", by_code_point(64), primary_key=True),
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("subject", by_code_point(256), primary_key=True),
    )
