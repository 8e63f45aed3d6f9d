"""Feedback and reward models in the ethics service's database. The tenant stands first in every key.

Times are microseconds since 1970 in UTC, on every database the same."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from colonnade.storage.sql import by_code_point

METADATA = MetaData()
_KEYED = text("idempotency_key <> ''")


def _keyed() -> list[Column[Any]]:
    return [
        Column("tenant", by_code_point(64), primary_key=True),
        Column("id", by_code_point(64), primary_key=True),
    ]


def _asked_once() -> list[Column[Any]]:
    return [
        Column("owner", String(512), nullable=False),
        Column("idempotency_key", String(128), nullable=False),
        Column("fingerprint", String(64), nullable=False),
    ]


def _one_a_key(name: str) -> Index:
    return Index(name, "owner", "idempotency_key", unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED)


FEEDBACK = Table(
    "feedback",
    METADATA,
    *_keyed(),
    Column("subject", by_code_point(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("request_id", by_code_point(128), nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("prompt", Text, nullable=False),  # a list of roles and texts, as JSON
    Column("prompt_key", String(64), nullable=False),
    Column("chosen", Text, nullable=False),
    Column("rejected", Text, nullable=False),
    Column("up", Boolean, nullable=False),
    Column("comment", Text, nullable=False),
    Column("reviewed_by", by_code_point(256), nullable=False),
    Column("reviewed_at", BigInteger),
    Column("why", Text, nullable=False),
    *_asked_once(),
    _one_a_key("one_feedback_a_key"),
    Index("feedback_by_subject", "tenant", "subject", "id"),
    Index("feedback_by_state", "tenant", "state", "id"),
    Index("feedback_by_prompt", "tenant", "prompt_key"),
)

REWARD_MODELS = Table(
    "reward_models",
    METADATA,
    *_keyed(),
    Column("made_at", BigInteger, nullable=False),
    Column("embedding_model", String(80), nullable=False),
    Column("learnt", Integer, nullable=False),
    Column("held_out", Integer, nullable=False),
    Column("right_answers", Integer, nullable=False),
    Column("card", Text, nullable=False),
    Column("weights", LargeBinary, nullable=False),
    *_asked_once(),
    _one_a_key("one_reward_model_a_key"),
)

# Which feedback a reward model learnt from: what is erased takes with it what was made of it.
REWARD_SOURCES = Table(
    "reward_sources",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("model", by_code_point(64), primary_key=True),
    Column("feedback", by_code_point(64), primary_key=True),
    ForeignKeyConstraint(
        ["tenant", "model"], ["reward_models.tenant", "reward_models.id"], ondelete="CASCADE"
    ),
    Index("reward_models_by_feedback", "tenant", "feedback"),
)
