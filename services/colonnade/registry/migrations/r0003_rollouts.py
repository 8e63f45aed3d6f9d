"""Rollouts, what happened to them, and what was seen of their versions."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0003"
down_revision = "0002"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("model", by_code_point(128), sa.ForeignKey("models.name"), nullable=False),
        sa.Column("alias", by_code_point(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("under_way", sa.Integer, nullable=False),
        sa.Column("rollout", sa.Text, nullable=False),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(512), nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("lease_holder", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    for name, columns, condition in (
        ("one_rollout_an_alias", ["model", "alias"], "under_way = 1"),
        ("one_rollout_a_key", ["owner", "idempotency_key"], "idempotency_key <> ''"),
    ):
        where = sa.text(condition)
        op.create_index(name, "rollouts", columns, unique=True, sqlite_where=where, postgresql_where=where)
    op.create_index("rollouts_by_model", "rollouts", ["model", "id"])
    op.create_table(
        "rollout_events",
        sa.Column("rollout", by_code_point(64), sa.ForeignKey("rollouts.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("by", sa.String(512), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_table(
        "rollout_reports",
        sa.Column("rollout", by_code_point(64), sa.ForeignKey("rollouts.id"), primary_key=True),
        sa.Column("phase", by_code_point(64), primary_key=True),
        sa.Column("instance", by_code_point(64), primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("candidate", sa.Text, nullable=False),
        sa.Column("stable", sa.Text, nullable=False),
    )


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
