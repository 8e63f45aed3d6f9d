"""Feedback, and the reward models that are made of it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None

_KEYED = sa.text("idempotency_key <> ''")


def upgrade() -> None:
    _feedback()
    _reward_models()


def _feedback() -> None:
    op.create_table(
        "feedback",
        *_keyed(),
        sa.Column("subject", by_code_point(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("given_at", sa.BigInteger, nullable=False),
        sa.Column("request_id", by_code_point(128), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("prompt_key", sa.String(64), nullable=False),
        sa.Column("chosen", sa.Text, nullable=False),
        sa.Column("rejected", sa.Text, nullable=False),
        sa.Column("up", sa.Boolean, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("reviewed_by", by_code_point(256), nullable=False),
        sa.Column("reviewed_at", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        *_asked_once(),
    )
    _one_a_key("one_feedback_a_key", "feedback")
    op.create_index("feedback_by_subject", "feedback", ["tenant", "subject", "id"])
    op.create_index("feedback_by_state", "feedback", ["tenant", "state", "id"])
    op.create_index("feedback_by_prompt", "feedback", ["tenant", "prompt_key"])


def _reward_models() -> None:
    op.create_table(
        "reward_models",
        *_keyed(),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("embedding_model", sa.String(80), nullable=False),
        sa.Column("learnt", sa.Integer, nullable=False),
        sa.Column("held_out", sa.Integer, nullable=False),
        sa.Column("right_answers", sa.Integer, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("weights", sa.LargeBinary, nullable=False),
        *_asked_once(),
    )
    _one_a_key("one_reward_model_a_key", "reward_models")
    op.create_table(
        "reward_sources",
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("model", by_code_point(64), primary_key=True),
        sa.Column("feedback", by_code_point(64), primary_key=True),
        sa.ForeignKeyConstraint(
            ["tenant", "model"], ["reward_models.tenant", "reward_models.id"], ondelete="CASCADE"
        ),
    )
    op.create_index("reward_models_by_feedback", "reward_sources", ["tenant", "feedback"])


def _keyed() -> list[sa.Column[Any]]:
    return [
        sa.Column("tenant", by_code_point(64), primary_key=True),
        sa.Column("id", by_code_point(64), primary_key=True),
    ]


def _asked_once() -> list[sa.Column[Any]]:
    return [
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    ]


def _one_a_key(name: str, table: str) -> None:
    op.create_index(
        name, table, ["owner", "idempotency_key"],
        unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED,
    )  # fmt: skip


def downgrade() -> None:
    raise RuntimeError("the ethics service's schema only moves forward; restore a backup instead")
