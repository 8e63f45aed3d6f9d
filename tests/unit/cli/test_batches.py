"""``colonnade batches``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colonnade.cli.working import showing
from colonnade.client import Batch
from colonnade.client.batch_calls import read_batch
from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
FILE = {"id": "file-1", "bytes": 3, "created_at": 0, "filename": "lines.jsonl", "purpose": "batch"}
DONE = {
    "id": "batch_1", "endpoint": "/v1/completions", "input_file_id": "file-1", "status": "completed",
    "created_at": 0, "expires_at": 86400, "request_counts": {"total": 3, "completed": 3, "failed": 0},
    "errors": None, "output_file_id": "file-2", "error_file_id": None,
}  # fmt: skip
ERRORS = {
    "data": [{"code": "invalid_method", "message": "method must be POST", "line": 7, "param": "method"}]
}


@pytest.fixture
def lines(tmp_path: Path) -> str:
    path = tmp_path / "lines.jsonl"
    path.write_text("{}\n")
    return str(path)


def test_a_file_is_submitted_and_awaited(stub: Stub, colonnade: Run, lines: str) -> None:
    stub.routes["POST", "/v1/files"] = Answer(body=FILE)
    stub.routes["POST", "/v1/batches"] = Answer(body=DONE | {"status": "validating"})
    stub.routes["GET", "/v1/batches/batch_1"] = Answer(body=DONE)
    done = colonnade("batches", "submit", lines, "--endpoint", "/v1/completions")
    assert (done.status, done.out) == (0, "batch_1\n")
    assert stub.last.body["endpoint"] == "/v1/completions"
    waited = colonnade("batches", "submit", lines, "--wait")
    assert (waited.status, waited.out) == (0, "batch_1\n")
    assert "3 of 3 lines answered" in waited.err


def test_what_ends_otherwise_fails_and_says_why(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/v1/batches/batch_1"] = Answer(body=DONE | {"status": "failed", "errors": ERRORS})
    done = colonnade("batches", "wait", "batch_1")
    assert done.status == 1
    assert "line 7: method must be POST" in done.err
    shown = colonnade("batches", "show", "batch_1")
    assert (shown.status, "line 7: method must be POST (invalid_method)" in shown.out) == (0, True)
    counts = {"total": 3, "completed": 2, "failed": 1}
    stub.routes["GET", "/v1/batches/batch_1"] = Answer(body=DONE | {"request_counts": counts})
    assert colonnade("batches", "wait", "batch_1").status == 1


def test_batches_are_listed(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/v1/batches?limit=100"] = Answer(body={"data": [DONE], "has_more": False})
    listed = colonnade("batches", "list").out.splitlines()
    assert listed[1].split() == [
        "batch_1",
        "1970-01-01",
        "00:00",
        "/v1/completions",
        "completed",
        "3",
        "3",
        "0",
    ]
    assert json.loads(colonnade("batches", "list", "--json").out)[0]["id"] == "batch_1"
    stub.routes["GET", "/v1/batches?limit=100"] = Answer(body={"data": [], "has_more": False})
    assert "no batches yet" in colonnade("batches", "list").err


def test_results_are_printed_as_they_are(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/v1/batches/batch_1"] = Answer(body=DONE)
    stub.routes["GET", "/v1/files/file-2/content"] = Answer(body={"custom_id": "é"})
    assert json.loads(colonnade("batches", "results", "batch_1").out) == {"custom_id": "é"}
    none = colonnade("batches", "results", "batch_1", "--errors")
    assert (none.status, none.out, "has none" in none.err) == (0, "", True)
    early = DONE | {"status": "in_progress", "output_file_id": None}
    stub.routes["GET", "/v1/batches/batch_1"] = Answer(body=early)
    assert colonnade("batches", "results", "batch_1").status == 1


def test_cancelling(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/v1/batches/batch_1/cancel"] = Answer(body=DONE | {"status": "cancelling"})
    assert "batch_1 is cancelling" in colonnade("batches", "cancel", "batch_1").err
    assert colonnade("batches", "cancel", "batch_2").status == 1


def test_a_file_that_is_not_there(stub: Stub, colonnade: Run) -> None:
    assert colonnade("batches", "submit", "nothing.jsonl").status == 2
    assert not stub.seen


def test_a_log_gets_a_line_a_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    def at(status: str, done: int) -> Batch:
        return read_batch(
            200, DONE | {"status": status, "request_counts": {"total": 40, "completed": done, "failed": 0}}
        )

    batches = [at("validating", 0), *(at("in_progress", done) for done in range(40)), at("completed", 40)]
    with showing() as show:
        for batch in batches:
            show(batch)
    told = capsys.readouterr().err.splitlines()
    assert told[:3] == ["  validating 0 of 40", "  in_progress 0 of 40", "  in_progress 4 of 40"]
    assert len(told) == 11
