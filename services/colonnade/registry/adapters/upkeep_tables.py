"""The tables of upkeep: none of them is part of a backup, each is about what happens now."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from colonnade.registry.adapters.tables import ARTEFACTS, METADATA

# Blobs that nothing names, and since when; ``removing`` is the pass that is deleting one right now.
MARKS = Table(
    "blob_marks",
    METADATA,
    Column("digest", String(71), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("removing", String(80), nullable=False),
    Column("removing_since", BigInteger, nullable=False),
)

# Who is about to name blobs, and which.
WRITERS = Table(
    "blob_writers",
    METADATA,
    Column("id", String(80), primary_key=True),
    Column("until", BigInteger, nullable=False),
)

CLAIMS = Table(
    "blob_claims",
    METADATA,
    Column("writer", String(80), ForeignKey("blob_writers.id"), primary_key=True),
    Column("digest", String(71), primary_key=True),
    Index("blob_claims_by_digest", "digest"),
)

# What one registry at a time does: collecting or backing up; and a restore that has not ended.
LEASES = Table(
    "upkeep_leases",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),  # when a collection last began
)

Index("artefacts_by_digest", ARTEFACTS.c.digest)

TRANSIENT = frozenset({MARKS.name, WRITERS.name, CLAIMS.name, LEASES.name})
"""What a backup leaves out."""
