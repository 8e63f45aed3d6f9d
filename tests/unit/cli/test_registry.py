"""``colonnade registry``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
STEP = {"looked_at": 12, "removed": 2, "removed_bytes": 2000, "waiting": 1, "done": True}
TAKEN = {
    "stage": "done", "fraction": 1.0, "copied": 3, "copied_bytes": 2000, "kept": 9, "dropped": 1,
    "name": "20300102T030405.000000Z", "digest": "sha256:d", "at": "2030-01-02T03:04:05Z",
}  # fmt: skip
DONE = "data: [DONE]\n\n"


def test_what_a_collection_did(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/registry/gc"] = Answer(events=[STEP | {"done": False}, STEP, DONE])
    done = colonnade("registry", "gc")
    assert done.status == 0, done.err
    assert "12 files looked at, 2 removed (2.0 KB), 1 wait for the grace period to end." in done.err


def test_what_it_would_do(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/registry/gc"] = Answer(events=[STEP, DONE])
    assert "2 would be removed" in colonnade("registry", "gc", "--dry-run").err
    assert stub.seen[-1].body == {"dry_run": True}
    assert json.loads(colonnade("registry", "gc", "--json").out) == STEP


def test_a_backup_is_named(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/registry/backup"] = Answer(events=[TAKEN, DONE])
    done = colonnade("registry", "backup", "nightly", "--keep", "3")
    assert (done.status, done.out) == (0, "20300102T030405.000000Z\n")
    assert "3 files copied (2.0 KB), 9 were there already." in done.err
    assert "1 earlier backups made room." in done.err
    assert stub.seen[-1].body == {"to": "nightly", "keep": 3}


def test_what_is_no_backup(colonnade: Run, tmp_path: Path) -> None:
    """The reason comes from the process that looked."""
    for act in ("verify", "restore"):
        home = ("--home", str(tmp_path / "home")) if act == "restore" else ()
        assert colonnade("registry", act, str(tmp_path), *home).status == 2


def test_keeping_less_than_nothing(colonnade: Run) -> None:
    assert colonnade("registry", "backup", "--keep", "-1").status == 2
