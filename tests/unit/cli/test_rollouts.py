"""``colonnade rollout``."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from colonnade.cli.plans import read_plan
from colonnade.cli.rolling import frame, showing
from colonnade.client import Rollout
from colonnade.client.parsing import decoded
from colonnade.errors import InvalidArgument
from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
PLAN = {
    "gates": [{"probe": "tasks", "bound": "0.9x", "texts": "", "optional": False}],
    "shadow": {"percent": 5, "seconds": 60.0, "requests": 0},
    "steps": [{"percent": 10, "seconds": 5.0, "requests": 3}],
    "objectives": {"error_rate": "0.02", "first_token_p95": "2x"},
    "least_requests": 20,
}
CANARY = {
    "id": "ro_1", "model": "tiny", "alias": "production", "candidate": 2, "state": "canary", "plan": PLAN,
    "stable": [{"version": 1, "weight": 100}], "revision": 3, "created_by": "local/ann",
    "targets": [{"version": 1, "weight": 90}, {"version": 2, "weight": 10}],
    "gates": [{"probe": "tasks", "bound": "0.9x", "outcome": "passed", "why": "as good"}],
    "since": "2030-01-02T03:04:05Z", "created_at": "2030-01-02T03:04:05Z",
    "outcomes": {
        "candidate": {"requests": 4, "failures": 1, "error_rate": 0.25, "first_token_p95": 0.02},
        "stable": {"requests": 9, "failures": 0, "error_rate": 0.0},
    },
    "events": [{"at": "2030-01-02T03:04:05Z", "what": "begun", "by": "local/ann", "words": "try"}],
}  # fmt: skip
DONE = CANARY | {"state": "promoted", "reason": "passed all that its plan asks"}
BACK = CANARY | {"state": "rolled_back", "reason": "error_rate is 0.5"}


def test_one_is_begun_and_watched_to_its_end(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    stub.routes["POST", "/rollouts"] = Answer(201, CANARY)
    stub.routes["GET", "/rollouts/ro_1"] = Answer(body=DONE)
    done = colonnade("rollout", "start", "tiny", "2", "--policy", "quick", "--why", "try")
    assert (done.status, done.out) == (0, "ro_1\n")
    assert stub.last.body == {"model": "tiny", "version": 2, "policy": "quick", "why": "try"}
    plan = tmp_path / "plan.yaml"
    plan.write_text("description: mine\nsteps: [{percent: 10}]\n")
    watched = colonnade("rollout", "start", "tiny", "2", "--alias", "x", "--plan", str(plan), "--watch")
    assert (watched.status, watched.out) == (0, "ro_1\n")
    assert "ro_1 is promoted: passed all that its plan asks" in watched.err
    sent = next(seen for seen in reversed(stub.seen) if seen.method == "POST")
    assert sent.body == {"model": "tiny", "version": 2, "alias": "x", "plan": {"steps": [{"percent": 10}]}}


def test_watching_fails_unless_it_is_promoted(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/rollouts/ro_1"] = Answer(body=BACK)
    done = colonnade("rollout", "watch", "ro_1")
    assert done.status == 1
    assert "ro_1 is rolled_back: error_rate is 0.5" in done.err


def test_they_are_listed(stub: Stub, colonnade: Run) -> None:
    page = {"rollouts": [CANARY | {"paused": True}], "next_page_token": ""}
    stub.routes["GET", "/rollouts?page_size=100&model=tiny&under_way=true"] = Answer(body=page)
    listed = colonnade("rollout", "list", "--model", "tiny", "--under-way").out.splitlines()
    assert listed[1].split() == [
        "ro_1", "tiny@production", "2", "canary,", "paused", "2030-01-02", "03:04", "local/ann"
    ]  # fmt: skip
    stub.routes["GET", "/rollouts?page_size=100"] = Answer(body={"rollouts": [], "next_page_token": ""})
    assert "no such rollout" in colonnade("rollout", "list").err
    assert json.loads(colonnade("rollout", "list", "--json").out) == []


def test_one_is_shown(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/rollouts/ro_1"] = Answer(body=CANARY)
    shown = colonnade("rollout", "show", "ro_1").out
    assert "tiny@production to version 2: canary, step 1 of 1 (10 %)" in shown
    assert "gate tasks 0.9x: passed, as good" in shown
    assert "begun  local/ann  try" in shown
    assert json.loads(colonnade("rollout", "show", "ro_1", "--json").out)["state"] == "canary"


@pytest.mark.parametrize(
    ("command", "act"),
    [("pause", "pause"), ("resume", "resume"), ("promote", "promote"), ("rollback", "roll_back")],
    ids=["pause", "resume", "promote", "rollback"],
)
def test_one_is_changed(stub: Stub, colonnade: Run, command: str, act: str) -> None:
    stub.routes["POST", f"/rollouts/ro_1/{act}"] = Answer(body=CANARY)
    done = colonnade("rollout", command, "ro_1", "--why", "night", "--expected-revision", "3")
    assert (done.status, "ro_1 is canary" in done.err) == (0, True)
    assert stub.last.body == {"why": "night", "expected_revision": 3}


def test_policies_are_listed(stub: Stub, colonnade: Run) -> None:
    body = {"policies": [{"name": "quick", "description": "soon", "plan": PLAN}]}
    stub.routes["GET", "/policies"] = Answer(body=body)
    shown = colonnade("rollout", "policies").out
    assert "error_rate 0.02, first_token_p95 2x" in shown
    assert "5% 60s" in shown
    assert json.loads(colonnade("rollout", "policies", "--json").out)[0]["name"] == "quick"


def test_a_picture_of_it() -> None:
    rollout = decoded(Rollout, CANARY)
    lines = frame(rollout, datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=12))
    assert lines[0] == "tiny@production to version 2: canary, step 1 of 1 (10 %), for 12s"
    assert lines[1:] == [
        f"     1  {'█' * 36} 90 %",
        f"     2  {'█' * 4} 10 %",
        "  gate tasks 0.9x: passed, as good",
        "  requests of the candidate: 4 of at least 3; of the stable version: 9",
        "  error_rate 0.02: 0.25, stable 0",
        "  first_token_p95 2x: 0.02, stable -",
    ]
    ended = frame(decoded(Rollout, BACK))
    assert ended[:2] == ["tiny@production to version 2: rolled_back", "  error_rate is 0.5"]


def test_where_nobody_looks_a_line_is_written_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    gates = CANARY | {"state": "gates", "gates": []}
    with showing() as show:
        for body in (gates, gates, CANARY, CANARY | {"paused": True}, DONE):
            show(decoded(Rollout, body))
    assert capsys.readouterr().err.splitlines() == [
        "  gates, 0 of 1 asked",
        "  canary, step 1 of 1 (10 %)",
        "  canary, step 1 of 1 (10 %), paused",
        "  promoted",
    ]


@pytest.mark.parametrize(
    "text",
    ["[1, 2]", "{", "steps: 2030-01-01", "a: .nan", "", "!!python/object:os.system x", "[" * 5000],
    ids=["list", "cut", "date", "nan", "empty", "object", "deep"],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(InvalidArgument) as caught:
        read_plan(path)
    assert caught.value.details["field"] == "plan"
    assert str(tmp_path) not in caught.value.message
