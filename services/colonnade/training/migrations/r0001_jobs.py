"""Jobs, what happened to them, and who hands out work."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0001"
down_revision = None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("by", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    where = sa.text("idempotency_key <> ''")
    op.create_index(
        "one_job_a_key", "jobs", ["owner", "idempotency_key"],
        unique=True, sqlite_where=where, postgresql_where=where,
    )  # fmt: skip
    op.create_index("jobs_by_state", "jobs", ["state", "tenant", "priority", "id"])
    op.create_index("jobs_by_tenant", "jobs", ["tenant", "id"])
    op.create_table(
        "job_events",
        sa.Column("job", by_code_point(64), sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("by", sa.String(512), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_table(
        "training_leases",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    raise RuntimeError("the training service's schema only moves forward; restore a backup instead")
