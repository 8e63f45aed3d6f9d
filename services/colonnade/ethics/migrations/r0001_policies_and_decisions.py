"""Policies and what they are assigned to, decisions, kept traffic, and whom was erased lately."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0001"
down_revision = None
branch_labels = depends_on = None

_KEYED = sa.text("idempotency_key <> ''")


def upgrade() -> None:
    _policies()
    _decisions()


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("name", by_code_point(64), primary_key=True),
        sa.Column("version", sa.String(80), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", by_code_point(256), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_index("one_policy_a_number", "policies", ["tenant", "name", "number"], unique=True)
    op.create_table(
        "policy_assignments",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("route", by_code_point(128), primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("policy", by_code_point(64), nullable=False),
        sa.Column("policy_version", sa.String(80), nullable=False),
        sa.Column("candidate", by_code_point(64), nullable=False),
        sa.Column("candidate_version", sa.String(80), nullable=False),
        sa.Column("share", sa.Integer, nullable=False),
        sa.Column("shadow", by_code_point(64), nullable=False),
        sa.Column("shadow_version", sa.String(80), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("assigned_by", by_code_point(256), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    op.create_index(
        "one_assignment_a_key", "policy_assignments", ["owner", "idempotency_key"],
        unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED,
    )  # fmt: skip
    op.create_table(
        "policy_arms",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("route", by_code_point(128), primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("candidate", sa.Boolean, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("subject", by_code_point(256), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("request_id", by_code_point(128), nullable=False),
        sa.Column("route", by_code_point(128), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("rule", by_code_point(128), nullable=False),
        sa.Column("category", sa.String(128), nullable=False),
        sa.Column("scorer", sa.String(128), nullable=False),
        sa.Column("beginning", sa.Integer, nullable=False),
        sa.Column("ending", sa.Integer, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("policy", by_code_point(64), nullable=False),
        sa.Column("policy_version", sa.String(80), nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
    )
    op.create_index("decisions_by_subject", "decisions", ["tenant", "subject", "at"])
    op.create_index("decisions_by_request", "decisions", ["tenant", "request_id"])
    op.create_index("decisions_by_time", "decisions", ["at"])
    op.create_table(
        "screened_samples",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("subject", by_code_point(256), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("route", by_code_point(128), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("samples_by_subject", "screened_samples", ["tenant", "subject", "at"])
    op.create_table(
        "ethics_erased",
        sa.Column("who", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    raise RuntimeError("the ethics service's schema only moves forward; restore a backup instead")
