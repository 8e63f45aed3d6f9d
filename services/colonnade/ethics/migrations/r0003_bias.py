"""Reports of bias, and the pieces of work that they are made of."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0003"
down_revision = "0002"
branch_labels = depends_on = None

_KEYED = sa.text("idempotency_key <> ''")


def upgrade() -> None:
    op.create_table(
        "bias_reports",
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("tenant", by_code_point(64), nullable=False),
        sa.Column("model", by_code_point(128), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("sets", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(384), nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("owner", by_code_point(384), nullable=False),
        sa.Column("idempotency_key", by_code_point(256), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    op.create_index("bias_reports_by_tenant", "bias_reports", ["tenant", "id"])
    op.create_index(
        "bias_reports_by_key", "bias_reports", ["owner", "idempotency_key"], unique=True,
        sqlite_where=_KEYED, postgresql_where=_KEYED,
    )  # fmt: skip
    op.create_table(
        "bias_pieces",
        sa.Column("report", by_code_point(64), primary_key=True),
        sa.Column("piece", by_code_point(160), primary_key=True),
        sa.Column("outcomes", sa.Text, nullable=False),
    )
