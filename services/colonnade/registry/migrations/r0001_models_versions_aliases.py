"""Models, versions and their content, aliases, and the keys of imports."""

import sqlalchemy as sa
from alembic import op

from colonnade.storage.sql import by_code_point

revision = "0001"
down_revision = None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("name", by_code_point(128), primary_key=True),
        sa.Column("description", sa.String(2000), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "contents",
        sa.Column("digest", sa.String(71), primary_key=True),
        sa.Column("family", sa.String(64), nullable=False),
        sa.Column("parameters", sa.BigInteger, nullable=False),
        sa.Column("size_label", sa.String(16), nullable=False),
        sa.Column("context_length", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "artefacts",
        sa.Column("content", sa.String(71), sa.ForeignKey("contents.digest"), primary_key=True),
        sa.Column("path", by_code_point(512), primary_key=True),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    _versions()
    _aliases()


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("model", by_code_point(128), sa.ForeignKey("models.name"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.String(71), sa.ForeignKey("contents.digest"), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(512), nullable=False),
        sa.Column("source", sa.String(4096), nullable=False),
        sa.Column("source_digest", sa.String(128), nullable=False),
        sa.UniqueConstraint("model", "content", name="one_version_a_content"),
        sa.CheckConstraint("number >= 1", name="numbered_from_one"),
    )
    op.create_index("versions_by_content", "versions", ["content"])
    op.create_table(
        "imports",
        sa.Column("owner", sa.String(512), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("model", by_code_point(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.number"], name="made"),
    )
    op.create_index("imports_by_age", "imports", ["created_at"])


def _aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("model", by_code_point(128), sa.ForeignKey("models.name"), primary_key=True),
        sa.Column("name", by_code_point(64), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("moved", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.String(512), nullable=False),
        sa.UniqueConstraint("moved", name="one_move_at_a_time"),
    )
    op.create_index("aliases_by_move", "aliases", ["name", "moved"])
    op.create_table(
        "targets",
        sa.Column("model", by_code_point(128), primary_key=True),
        sa.Column("alias", by_code_point(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["model", "alias"], ["aliases.model", "aliases.name"], name="of_an_alias"),
        sa.ForeignKeyConstraint(
            ["model", "version"], ["versions.model", "versions.number"], name="at_a_version"
        ),
        sa.CheckConstraint("weight BETWEEN 1 AND 100", name="percent"),
    )
