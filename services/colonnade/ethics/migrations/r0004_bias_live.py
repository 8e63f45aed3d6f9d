"""What is counted of a sample of the traffic, and the watches over it."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0004"
down_revision = "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "bias_live",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True),
        sa.Column("model", by_code_point(160), primary_key=True),
        sa.Column("dimension", by_code_point(32), primary_key=True),
        sa.Column("group", by_code_point(32), primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("unkind", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "bias_watches",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("model", by_code_point(160), primary_key=True),
        sa.Column("dimension", by_code_point(32), primary_key=True),
        sa.Column("clean", sa.Double, nullable=False),
        sa.Column("excess", sa.Double, nullable=False),
        sa.Column("patience", sa.Double, nullable=False),
        sa.Column("evidence", sa.Double, nullable=False),
        sa.Column("observed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "bias_alarms",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("model", by_code_point(160), primary_key=True),
        sa.Column("dimension", by_code_point(32), primary_key=True),
        sa.Column("observed", sa.BigInteger, nullable=False),
    )
