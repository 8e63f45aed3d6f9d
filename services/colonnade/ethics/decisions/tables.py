"""Decisions and kept traffic in the ethics service's database. The tenant stands first in every key.

Times are microseconds since 1970 in UTC, on every database the same; ids grow with them."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, String, Table, Text

from colonnade.storage.sql import by_code_point

METADATA = MetaData()

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("id", by_code_point(64), primary_key=True),
    Column("subject", by_code_point(256), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("request_id", by_code_point(128), nullable=False),
    Column("route", by_code_point(128), nullable=False),
    Column("side", String(8), nullable=False),
    Column("rule", by_code_point(128), nullable=False),
    Column("category", String(128), nullable=False),
    Column("scorer", String(128), nullable=False),
    Column("beginning", Integer, nullable=False),
    Column("ending", Integer, nullable=False),
    Column("score", Double, nullable=False),
    Column("action", String(16), nullable=False),
    Column("policy", by_code_point(64), nullable=False),
    Column("policy_version", String(80), nullable=False),
    Column("explanation", Text, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Index("decisions_by_subject", "tenant", "subject", "at"),
    Index("decisions_by_request", "tenant", "request_id"),
    Index("decisions_by_time", "at"),
)

SAMPLES = Table(
    "screened_samples",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("id", by_code_point(64), primary_key=True),
    Column("subject", by_code_point(256), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("route", by_code_point(128), nullable=False),
    Column("side", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Index("samples_by_subject", "tenant", "subject", "at"),
)

# Who was erased lately, as a digest: what was under way then is not kept any more.
ERASED = Table(
    "ethics_erased",
    METADATA,
    Column("who", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
