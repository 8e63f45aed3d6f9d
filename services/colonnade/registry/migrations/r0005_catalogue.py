"""What is said of models and versions."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0005"
down_revision = "0004"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("models", sa.Column("updated_at", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("models", sa.Column("latest", sa.Integer, nullable=False, server_default="0"))
    op.create_index("models_by_update", "models", ["updated_at", "name"])
    newest = "(SELECT COALESCE(MAX(number), 0) FROM versions WHERE versions.model = models.name)"
    op.execute(f"UPDATE models SET updated_at = created_at, latest = {newest}")  # noqa: S608 - no input
    op.add_column("versions", sa.Column("description", sa.String(2000), nullable=False, server_default=""))
    op.add_column("versions", sa.Column("updated_at", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("versions", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE versions SET updated_at = created_at")
    op.create_index("versions_by_update", "versions", ["updated_at", "model", "number"])
    op.create_index("versions_by_age", "versions", ["created_at", "model", "number"])
    op.create_index("contents_by_base", "contents", ["base"])
    op.create_index("targets_by_version", "targets", ["model", "version"])
    _tags("model_tags")
    _tags("version_tags", sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
    op.create_table(
        "cards",
        *_version(),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    op.create_table(
        "metrics",
        *_version(),
        sa.Column("key", by_code_point(128), primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("dataset", by_code_point(128), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.create_index(
        "metrics_by_last_value", "metrics", ["key", "value", "model", "version"],
        sqlite_where=sa.text("last = 1"), postgresql_where=sa.text("last = 1"),
    )  # fmt: skip
    op.create_table(
        "withdrawn",
        sa.Column("model", by_code_point(128), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("became", by_code_point(128), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(512), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "model_keys",
        sa.Column("owner", sa.String(512), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("model", by_code_point(128), sa.ForeignKey("models.name"), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )


def _model() -> sa.Column[str]:
    return sa.Column("model", by_code_point(128), sa.ForeignKey("models.name"), primary_key=True)


def _version() -> tuple[sa.Column[str], sa.Column[int]]:
    return _model(), sa.Column("version", sa.Integer, primary_key=True, autoincrement=False)


def _tags(table: str, *version: sa.Column[int]) -> None:
    op.create_table(
        table,
        _model(),
        *version,
        sa.Column("key", by_code_point(128), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("head", by_code_point(200), nullable=False),
    )
    op.create_index(f"{table}_by_value", table, ["key", "head", "model", *[each.name for each in version]])


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")
