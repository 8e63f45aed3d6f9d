"""The registry's tables. Times are microseconds since 1970 in UTC, on every database the same."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from colonnade.storage.sql import by_code_point

METADATA = MetaData()

MODELS = Table(
    "models",
    METADATA,
    Column("name", by_code_point(128), primary_key=True),
    Column("description", String(2000), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("tenant", String(64), nullable=False, server_default="local"),  # whose it is
    Column("updated_at", BigInteger, nullable=False, server_default="0"),
    Column("latest", Integer, nullable=False, server_default="0"),  # its newest version; 0: it has none
    Index("models_by_update", "updated_at", "name"),
)

# What versions are made of, once, under however many names.
CONTENTS = Table(
    "contents",
    METADATA,
    Column("digest", String(71), primary_key=True),
    Column("family", String(64), nullable=False),
    Column("parameters", BigInteger, nullable=False),
    Column("size_label", String(16), nullable=False),
    Column("context_length", BigInteger, nullable=False),
    Column("base", String(71), nullable=False, server_default=""),  # of an adapter: its base's digest
    Index("contents_by_base", "base"),
)

ARTEFACTS = Table(
    "artefacts",
    METADATA,
    Column("content", String(71), ForeignKey("contents.digest"), primary_key=True),
    Column("path", by_code_point(512), primary_key=True),
    Column("digest", String(71), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

VERSIONS = Table(
    "versions",
    METADATA,
    Column("model", by_code_point(128), ForeignKey("models.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", String(71), ForeignKey("contents.digest"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(512), nullable=False),
    Column("source", String(4096), nullable=False),
    Column("source_digest", String(128), nullable=False),
    Column("description", String(2000), nullable=False, server_default=""),
    Column("updated_at", BigInteger, nullable=False, server_default="0"),
    Column("revision", BigInteger, nullable=False, server_default="0"),  # of what is said of it
    UniqueConstraint("model", "content", name="one_version_a_content"),
    CheckConstraint("number >= 1", name="numbered_from_one"),
    Index("versions_by_content", "content"),
    Index("versions_by_update", "updated_at", "model", "number"),
    Index("versions_by_age", "created_at", "model", "number"),
)

# A deleted alias keeps its row, without targets, so that its revisions go on.
ALIASES = Table(
    "aliases",
    METADATA,
    Column("model", by_code_point(128), ForeignKey("models.name"), primary_key=True),
    Column("name", by_code_point(64), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),  # counts the moves of all aliases, whatever the clock does
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String(512), nullable=False),
    UniqueConstraint("moved", name="one_move_at_a_time"),
    Index("aliases_by_move", "name", "moved"),
)

TARGETS = Table(
    "targets",
    METADATA,
    Column("model", by_code_point(128), primary_key=True),
    Column("alias", by_code_point(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("weight", Integer, nullable=False),
    ForeignKeyConstraint(["model", "alias"], ["aliases.model", "aliases.name"], name="of_an_alias"),
    ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.number"], name="at_a_version"),
    CheckConstraint("weight BETWEEN 1 AND 100", name="percent"),
    Index("targets_by_version", "model", "version"),
)

IMPORTS = Table(
    "imports",
    METADATA,
    Column("owner", String(512), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("model", by_code_point(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.number"], name="made"),
    Index("imports_by_age", "created_at"),
)
