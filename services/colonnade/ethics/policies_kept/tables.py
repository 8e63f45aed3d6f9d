"""Policies and assignments in the ethics service's database. The tenant stands first in every key.

Times are microseconds since 1970 in UTC, on every database the same. An empty name: no policy."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text, text

from colonnade.storage.sql import by_code_point

METADATA = MetaData()
_KEYED = text("idempotency_key <> ''")

POLICIES = Table(
    "policies",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("name", by_code_point(64), primary_key=True),
    Column("version", String(80), primary_key=True),
    Column("number", Integer, nullable=False),  # in the order in which they came
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", by_code_point(256), nullable=False),
    Column("source", Text, nullable=False),
    Index("one_policy_a_number", "tenant", "name", "number", unique=True),
)

# One row a change: what holds is the row with the highest revision.
ASSIGNMENTS = Table(
    "policy_assignments",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("route", by_code_point(128), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("before", BigInteger, nullable=False),  # the revision that taking back restores
    Column("policy", by_code_point(64), nullable=False),
    Column("policy_version", String(80), nullable=False),
    Column("candidate", by_code_point(64), nullable=False),
    Column("candidate_version", String(80), nullable=False),
    Column("share", Integer, nullable=False),
    Column("shadow", by_code_point(64), nullable=False),
    Column("shadow_version", String(80), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("assigned_by", by_code_point(256), nullable=False),
    Column("why", Text, nullable=False),
    Column("owner", String(512), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index(
        "one_assignment_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=_KEYED, postgresql_where=_KEYED,
    ),
)  # fmt: skip

# What the candidate of an assignment and the policy beside it did.
ARMS = Table(
    "policy_arms",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("route", by_code_point(128), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("candidate", Boolean, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)
