"""The adaptations' tables. Times are microseconds since 1970 in UTC."""

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, String, Table, Text, text

from colonnade.storage.sql import by_code_point

METADATA = MetaData()
ADAPTATIONS = Table(
    "adaptations",
    METADATA,
    Column("id", by_code_point(64), primary_key=True),
    Column("tenant", by_code_point(64), nullable=False),
    Column("model", by_code_point(128), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("by", String(384), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("adaptation", Text, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("owner", by_code_point(384), nullable=False),
    Column("idempotency_key", by_code_point(256), nullable=False),
    Column("fingerprint", String(64), nullable=False),
)
Index("adaptations_by_tenant", ADAPTATIONS.c.tenant, ADAPTATIONS.c.id)
_KEYED = text("idempotency_key <> ''")
Index(
    "adaptations_by_key", ADAPTATIONS.c.owner, ADAPTATIONS.c.idempotency_key, unique=True,
    sqlite_where=_KEYED, postgresql_where=_KEYED,
)  # fmt: skip
PIECES = Table(
    "adaptation_pieces",
    METADATA,
    Column("adaptation", by_code_point(64), primary_key=True),
    Column("piece", by_code_point(160), primary_key=True),
    Column("body", Text, nullable=False),
)
GIVERS = Table(
    "adaptation_givers",
    METADATA,
    Column("adaptation", by_code_point(64), primary_key=True),
    Column("tenant", by_code_point(64), primary_key=True),
    Column("subject", by_code_point(256), primary_key=True),
)
