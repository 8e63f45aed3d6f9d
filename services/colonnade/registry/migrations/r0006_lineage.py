"""What came from what, and what was measured of versions."""

import json
from pathlib import PurePath
from typing import Any

import sqlalchemy as sa
from alembic import op

from colonnade.storage.bundled import PREFIX
from colonnade.storage.sql import by_code_point

revision = "0006"
down_revision = "0005"
branch_labels = depends_on = None


def upgrade() -> None:
    nodes = op.create_table(
        "lineage_nodes",
        sa.Column("key", by_code_point(300), primary_key=True),
        sa.Column("label", sa.String(256), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    edges = op.create_table(
        "lineage_edges",
        sa.Column("source", by_code_point(300), sa.ForeignKey("lineage_nodes.key"), primary_key=True),
        sa.Column("relation", sa.String(32), primary_key=True),
        sa.Column("target", by_code_point(300), sa.ForeignKey("lineage_nodes.key"), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(512), nullable=False),
    )
    op.create_index("lineage_edges_downstream", "lineage_edges", ["target", "source"])
    op.create_table(
        "lineage_keys",
        sa.Column("owner", sa.String(512), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", by_code_point(64), primary_key=True),
        sa.Column("model", by_code_point(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("suite", sa.String(128), nullable=False),
        sa.Column("suite_digest", sa.String(71), nullable=False),
        sa.Column("results", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(512), nullable=False),
        sa.Column("origin", sa.String(256), nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    where = sa.text("idempotency_key <> ''")
    op.create_index(
        "one_evaluation_a_key", "evaluations", ["owner", "idempotency_key"], unique=True,
        sqlite_where=where, postgresql_where=where,
    )  # fmt: skip
    op.create_index("evaluations_by_version", "evaluations", ["model", "version", "id"])
    what_is_there(nodes, edges)


def downgrade() -> None:
    raise RuntimeError("the registry's schema only moves forward; restore a backup instead")


def what_is_there(nodes: sa.Table, edges: sa.Table) -> None:
    """What versions that are there came from, as far as their registration told."""
    labels, facts, found = (
        dict[str, str](),
        dict[str, dict[str, str]](),
        dict[tuple[str, str, str], sa.Row[Any]](),
    )
    query = (
        "SELECT model, number, content, created_at, created_by, source, source_digest, family, size_label, "
        "base FROM versions JOIN contents ON digest = content ORDER BY created_at, model, number"
    )
    for row in op.get_bind().execute(sa.text(query)):
        own = f"version:{row.content}"
        labels[own] = labels.get(own) or f"{row.model}:{row.number}"
        facts[own] = {"family": row.family, "size": row.size_label}
        if row.source_digest:
            labels.setdefault(f"source:{row.source_digest}", _label(row.source))
            found.setdefault((own, "converted_from", f"source:{row.source_digest}"), row)
        if row.base:
            labels.setdefault(f"version:{row.base}", "")
            found.setdefault((own, "derived_from", f"version:{row.base}"), row)
    op.bulk_insert(
        nodes,
        [
            {"key": key, "label": label, "facts": json.dumps(facts.get(key, {}), sort_keys=True)}
            for key, label in labels.items()
        ],
    )
    op.bulk_insert(
        edges,
        [
            {
                "source": source,
                "relation": relation,
                "target": target,
                "at": row.created_at,
                "by": row.created_by,
            }
            for (source, relation, target), row in found.items()
        ],
    )


def _label(source: str) -> str:
    name = source if source.startswith(PREFIX) else PurePath(source.partition("?")[0]).name
    return name[:64]
