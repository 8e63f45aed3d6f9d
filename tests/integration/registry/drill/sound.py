"""What is true of a registry's files whatever was killed."""

import sqlite3
from pathlib import Path

from colonnade.security.audit import verify
from colonnade.storage.blobs import LocalBlobStore

_NOTHING = (
    "PRAGMA foreign_key_check",
    "SELECT * FROM targets t WHERE NOT EXISTS"
    " (SELECT 1 FROM versions v WHERE v.model = t.model AND v.number = t.version)",
    "SELECT model, alias FROM targets GROUP BY model, alias HAVING sum(weight) <> 100",
    "SELECT digest FROM contents WHERE digest NOT IN (SELECT content FROM artefacts)",
    "SELECT content FROM artefacts WHERE content NOT IN (SELECT digest FROM contents)",
    "SELECT number FROM events e WHERE number > 1 AND NOT EXISTS"
    " (SELECT 1 FROM events b WHERE b.number = e.number - 1)",
    "SELECT model FROM aliases WHERE model NOT IN (SELECT name FROM models)",
)
_EQUAL = (
    ("SELECT count(*) FROM versions",
     "SELECT sum((kind = 'version.registered') - (kind = 'version.deleted')) FROM events"),
    ("SELECT coalesce(sum(revision), 0) FROM aliases",
     "SELECT count(*) FROM events WHERE kind IN ('alias.moved', 'alias.deleted')"),
    ("SELECT count(*) FROM rollout_events", "SELECT count(*) FROM events WHERE kind LIKE 'rollout.%'"),
    ("SELECT count(*) FROM evaluations", "SELECT count(*) FROM events WHERE kind = 'evaluation.recorded'"),
    ("SELECT count(*) FROM drafts", "SELECT count(*) FROM events WHERE kind = 'draft.begun'"),
)  # fmt: skip


async def torn(home: Path) -> list[str]:
    """What is not as it should be."""
    connection = sqlite3.connect(home / "data" / "registry" / "registry.db")
    found = [] if connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)] else ["the database"]
    found += [query for query in _NOTHING if connection.execute(query).fetchall()]
    for left, right in _EQUAL:
        counts = [connection.execute(query).fetchone()[0] or 0 for query in (left, right)]
        if counts[0] != counts[1]:
            found.append(f"{left} is {counts[0]}, and {right} is {counts[1]}")
    named = connection.execute(
        "SELECT DISTINCT digest FROM artefacts WHERE content IN (SELECT content FROM versions)"
    ).fetchall()
    connection.close()
    blobs = LocalBlobStore(home / "blobs")
    for (digest,) in named:
        if not await blobs.exists(digest):
            found.append(f"blob {digest} is gone")
        elif not await blobs.verify(digest):
            found.append(f"blob {digest} is damaged")
    found += [f"left behind: {path.name}" for path in (home / "blobs" / "tmp").glob("*")]
    checked = verify(home / "audit" / "registry.jsonl")
    return found + [str(problem) for problem in checked.problems]
