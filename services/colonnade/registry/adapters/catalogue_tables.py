"""The tables of what is said of models and versions, and of numbers and names that were given up."""

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, String, Table, Text, text

from colonnade.registry.adapters.tables import METADATA
from colonnade.storage.sql import by_code_point

HEAD_CHARACTERS = 200
"""Of a tag's value, that are found by an index: PostgreSQL indexes no value of thousands of bytes."""

MODEL_TAGS = Table(
    "model_tags",
    METADATA,
    Column("model", by_code_point(128), ForeignKey("models.name"), primary_key=True),
    Column("key", by_code_point(128), primary_key=True),
    Column("value", Text, nullable=False),
    Column("head", by_code_point(HEAD_CHARACTERS), nullable=False),
    Index("model_tags_by_value", "key", "head", "model"),
)

VERSION_TAGS = Table(
    "version_tags",
    METADATA,
    Column("model", by_code_point(128), ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("key", by_code_point(128), primary_key=True),
    Column("value", Text, nullable=False),
    Column("head", by_code_point(HEAD_CHARACTERS), nullable=False),
    Index("version_tags_by_value", "key", "head", "model", "version"),
)

# Long texts have a row of their own, so that lists never read them.
CARDS = Table(
    "cards",
    METADATA,
    Column("model", by_code_point(128), ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("card", Text, nullable=False),
    Column("signature", Text, nullable=False),
)

METRICS = Table(
    "metrics",
    METADATA,
    Column("model", by_code_point(128), ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("key", by_code_point(128), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("dataset", by_code_point(128), primary_key=True),
    Column("value", Double, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("last", Integer, nullable=False),  # 1 for the value of the key's last step
    Index(
        "metrics_by_last_value", "key", "value", "model", "version",
        sqlite_where=text("last = 1"), postgresql_where=text("last = 1"),
    ),
)  # fmt: skip

# Numbers that are never given again, and names that versions once had.
WITHDRAWN = Table(
    "withdrawn",
    METADATA,
    Column("model", by_code_point(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(71), nullable=False),
    Column("became", by_code_point(128), nullable=False),  # where it is now, if its model was renamed
    Column("at", BigInteger, nullable=False),
    Column("by", String(512), nullable=False),
    Column("why", Text, nullable=False),
)

MODEL_KEYS = Table(
    "model_keys",
    METADATA,
    Column("owner", String(512), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("model", by_code_point(128), ForeignKey("models.name"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
