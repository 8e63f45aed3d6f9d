"""1,000 writers killed at random moments: what was acknowledged is there, what is there is whole."""

import asyncio
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.domain import Version
from colonnade.storage.blobs import LocalBlobStore
from colonnade.storage.sql import Database, sqlite_url
from tests.integration.registry.writers import FILES, MODELS, digest_of, model_of, payloads, write

COUNT = int(os.environ.get("KILL_DRILL_WRITERS", "1000"))
SEED = int(os.environ.get("KILL_DRILL_SEED", "20260101"))

# What only half of a registration would leave.
_TORN = (
    "SELECT name FROM models WHERE name NOT IN (SELECT model FROM versions)",
    "SELECT name FROM models WHERE name NOT IN (SELECT model FROM targets WHERE alias = 'production')",
    "SELECT digest FROM contents WHERE digest NOT IN (SELECT content FROM versions)",
    "SELECT digest FROM contents WHERE digest NOT IN (SELECT content FROM artefacts)",
    f"SELECT content FROM artefacts GROUP BY content HAVING count(*) != {FILES}",
    "SELECT model, name FROM aliases a WHERE NOT EXISTS "
    "(SELECT 1 FROM targets t WHERE t.model = a.model AND t.alias = a.name)",
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_thousand_killed_writers(tmp_path: Path) -> None:
    drill = [
        sys.executable,
        str(Path(__file__).with_name("writers.py")),
        str(tmp_path),
        str(COUNT),
        str(SEED),
    ]
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(drill, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert ran.returncode == 0, ran.stderr[-2000:]
    report = json.loads(ran.stdout)
    writers: list[dict[str, Any]] = report["writers"]
    assert len(writers) == COUNT

    _the_kills_were_real(writers, report["seconds"])
    _the_database_is_sound(tmp_path / "registry.db")
    _every_blob_is_what_it_says(tmp_path / "blobs")
    _the_next_writer_finds_all_in_order(tmp_path)
    versions = asyncio.run(_versions(tmp_path))
    _what_is_there_is_whole(versions)
    _what_was_acknowledged_is_there(writers, versions)
    _the_alias_is_where_its_last_mover_put_it(writers, tmp_path / "registry.db")


def _the_kills_were_real(writers: list[dict[str, Any]], seconds: float) -> None:
    last = Counter(list(writer["told"])[-1] for writer in writers if writer["killed"])
    midway = last["begun"] + last["stored"] + last["registered"]
    sys.stdout.write(
        f"\n{COUNT} writers in {seconds:.0f} s: {midway} killed in the middle of a write (storing blobs "
        f"{last['begun']}, registering {last['stored']}, moving the alias {last['registered']}), "
        f"{last['moved']} killed after it, {COUNT - last.total()} ended before the kill\n"
    )
    assert midway >= 0.5 * COUNT
    assert min(last["begun"], last["stored"], last["registered"]) >= 0.05 * COUNT


def _the_database_is_sound(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for torn in _TORN:
            assert connection.execute(torn).fetchall() == []
    connection.close()


def _every_blob_is_what_it_says(root: Path) -> None:
    found = [path for path in (root / "sha256").rglob("*") if path.is_file()]
    assert found
    for path in found:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def _the_next_writer_finds_all_in_order(home: Path) -> None:
    """What the dead left is swept, and their locks are gone."""
    store = LocalBlobStore(home / "blobs")
    swept = asyncio.run(store.sweep())
    sys.stdout.write(f"{swept} unfinished files swept\n")
    assert list((home / "blobs" / "tmp").iterdir()) == []
    reading, writing = os.pipe()
    asyncio.run(write(home, COUNT + 1, writing))
    os.close(writing)
    with os.fdopen(reading) as told:
        assert told.read().splitlines()[-1].startswith("moved")


async def _versions(home: Path) -> dict[str, list[Version]]:
    database = Database(sqlite_url(home / "registry.db"))
    store = SqlVersionStore(database)
    names = [f"m{number}" for number in range(MODELS)]
    found = {name: list(await store.list_versions(name, limit=COUNT)) for name in names}
    await database.close()
    return found


def _what_is_there_is_whole(versions: dict[str, list[Version]]) -> None:
    """Also of writers that were killed before they could say so: numbers without gaps, every file of each."""
    for name, found in versions.items():
        assert [version.manifest.version for version in found] == list(range(len(found), 0, -1))
        for version in found:
            writer = int(version.source)
            expected = {path: digest_of(content) for path, content in payloads(writer).items()}
            artefacts = version.manifest.content.artefacts
            assert model_of(writer) == name
            assert len(artefacts) == FILES
            assert {artefact.path: artefact.digest for artefact in artefacts} == expected
            assert version.manifest.digest == version.manifest.content.digest
    writers = [version.source for found in versions.values() for version in found]
    assert len(set(writers)) == len(writers)


def _what_was_acknowledged_is_there(
    writers: list[dict[str, Any]], versions: dict[str, list[Version]]
) -> None:
    registered = {
        (name, version.manifest.version): int(version.source)
        for name, found in versions.items()
        for version in found
    }
    acknowledged = 0
    for writer in writers:
        if "registered" in writer["told"]:
            acknowledged += 1
            assert registered[model_of(writer["number"]), writer["told"]["registered"]] == writer["number"]
    sys.stdout.write(
        f"{acknowledged} versions acknowledged, all there; {len(registered) - acknowledged - 1} more were "
        "registered by writers that died before they could say so\n"
    )


def _the_alias_is_where_its_last_mover_put_it(writers: list[dict[str, Any]], path: Path) -> None:
    movers: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for writer in writers:
        if "moved" in writer["told"]:
            revision, name = writer["told"]["moved"], model_of(writer["number"])
            assert revision not in movers[name], "two writers were told the same revision"
            movers[name][revision] = writer["told"]["registered"]
    with sqlite3.connect(path) as connection:
        for name, told in movers.items():
            query = "SELECT revision, version, weight FROM aliases a JOIN targets t ON t.model = a.model "
            query += "AND t.alias = a.name WHERE a.model = ? AND a.name = 'canary'"
            ((revision, version, weight),) = connection.execute(query, (name,)).fetchall()
            assert revision >= max(told)
            assert weight == 100
            assert told.get(revision, version) == version
    connection.close()
