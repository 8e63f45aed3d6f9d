"""The training service's tables. What is looked for stands in columns; the rest of a job in one document.

Times are microseconds since 1970 in UTC, on every database the same.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

from colonnade.storage.sql import by_code_point

METADATA = MetaData()

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", by_code_point(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("by", String(512), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("job", Text, nullable=False),  # all of it, as JSON
    Column("recipe", Text, nullable=False),
    Column("owner", String(512), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index(
        "one_job_a_key", "owner", "idempotency_key", unique=True,
        sqlite_where=text("idempotency_key <> ''"), postgresql_where=text("idempotency_key <> ''"),
    ),
    Index("jobs_by_state", "state", "tenant", "priority", "id"),
    Index("jobs_by_tenant", "tenant", "id"),
)  # fmt: skip

JOB_EVENTS = Table(
    "job_events",
    METADATA,
    Column("job", by_code_point(64), ForeignKey("jobs.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("what", String(32), nullable=False),
    Column("by", String(512), nullable=False),
    Column("words", Text, nullable=False),
)

# Which versions an erasure concerns, by its id: told again however often it is asked for.
ERASED_VERSIONS = Table(
    "erased_versions",
    METADATA,
    Column("erasure", String(64), primary_key=True),
    Column("job", by_code_point(64), primary_key=True),
    Column("model", String(256), nullable=False),
    Column("version", String(64), nullable=False),
)

# Who hands out work.
LEASES = Table(
    "training_leases",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", BigInteger, nullable=False),
)
