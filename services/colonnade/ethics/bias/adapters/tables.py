"""The bias room's tables. Times are microseconds since 1970 in UTC."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text, text

from colonnade.storage.sql import by_code_point

METADATA = MetaData()
REPORTS = Table(
    "bias_reports",
    METADATA,
    Column("id", by_code_point(64), primary_key=True),
    Column("tenant", by_code_point(64), nullable=False),
    Column("model", by_code_point(128), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("sets", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("by", String(384), nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("figures", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ended_at", BigInteger),
    Column("holder", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("owner", by_code_point(384), nullable=False),
    Column("idempotency_key", by_code_point(256), nullable=False),
    Column("fingerprint", String(64), nullable=False),
)
Index("bias_reports_by_tenant", REPORTS.c.tenant, REPORTS.c.id)
_KEYED = text("idempotency_key <> ''")
Index(
    "bias_reports_by_key", REPORTS.c.owner, REPORTS.c.idempotency_key, unique=True,
    sqlite_where=_KEYED, postgresql_where=_KEYED,
)  # fmt: skip
PIECES = Table(
    "bias_pieces",
    METADATA,
    Column("report", by_code_point(64), primary_key=True),
    Column("piece", by_code_point(160), primary_key=True),
    Column("outcomes", Text, nullable=False),
)
LIVE = Table(
    "bias_live",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("model", by_code_point(160), primary_key=True),
    Column("dimension", by_code_point(32), primary_key=True),
    Column("group", by_code_point(32), primary_key=True),
    Column("seen", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("unkind", BigInteger, nullable=False),
)
WATCHES = Table(
    "bias_watches",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("model", by_code_point(160), primary_key=True),
    Column("dimension", by_code_point(32), primary_key=True),
    Column("clean", Double, nullable=False),
    Column("excess", Double, nullable=False),
    Column("patience", Double, nullable=False),
    Column("evidence", Double, nullable=False),
    Column("observed", BigInteger, nullable=False),
)
ALARMS = Table(
    "bias_alarms",
    METADATA,
    Column("tenant", by_code_point(64), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("model", by_code_point(160), primary_key=True),
    Column("dimension", by_code_point(32), primary_key=True),
    Column("observed", BigInteger, nullable=False),
)
