"""Versions in the making."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0007"
down_revision = "0006"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("model", by_code_point(128), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("room", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("message", sa.String(2000), nullable=False),
        sa.Column("source", sa.String(4096), nullable=False),
        sa.Column("alias", by_code_point(64), nullable=False),
        sa.Column("base", sa.String(256), nullable=False),
        sa.Column("description", sa.String(2000), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(512), nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    where = sa.text("idempotency_key <> ''")
    op.create_index(
        "one_draft_a_key", "drafts", ["owner", "idempotency_key"],
        unique=True, sqlite_where=where, postgresql_where=where,
    )  # fmt: skip
    op.create_index("drafts_by_state", "drafts", ["state", "created_at"])
    op.create_table(
        "draft_files",
        sa.Column("model", by_code_point(128), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("path", by_code_point(512), primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["model", "number"], ["drafts.model", "drafts.number"], name="of_a_draft"),
    )


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
