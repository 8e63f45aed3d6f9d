"""Blobs that nothing names, who is about to name some, and who looks after them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "blob_marks",
        sa.Column("digest", sa.String(71), primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("removing", sa.String(80), nullable=False),
        sa.Column("removing_since", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "blob_writers",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "blob_claims",
        sa.Column("writer", sa.String(80), sa.ForeignKey("blob_writers.id"), primary_key=True),
        sa.Column("digest", sa.String(71), primary_key=True),
    )
    op.create_index("blob_claims_by_digest", "blob_claims", ["digest"])
    op.create_table(
        "upkeep_leases",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.create_index("artefacts_by_digest", "artefacts", ["digest"])


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
