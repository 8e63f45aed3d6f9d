"""``colonnade policy`` and ``colonnade decisions``"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.cli.stub import Answer, Stub, error
from tests.unit.client.test_screening import ASSIGNED, COUNTS, ENTRY, KEPT, TESTED, TEXT

Run = Callable[..., Any]
YAML = """name: strict
rules:
  - {id: none, scorer: card, action: refuse, reason: No cards.}
  - id: other
    scorer: mail
    action: mask
"""
PUT = {"name": "strict", "version": "sha256:a", "is_new": True, "created_at": None, "by": "ann"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "strict.yaml"
    path.write_text(YAML, "utf-8")
    return path


def test_policies_are_listed_and_shown(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/screening/policies"] = Answer(body={"policies": [ENTRY]})
    stub.routes["GET", "/screening/assignments"] = Answer(body={"assignments": [ASSIGNED]})
    shown = colonnade("policy", "list").out
    assert "/generate 10%" in shown
    assert "3 of 10, else 1 of 90" in shown
    assert set(json.loads(colonnade("policy", "list", "--json").out)) == {"policies", "assignments"}
    stub.routes["GET", "/screening/assignments"] = Answer(body={"assignments": []})
    assert "default policy holds" in colonnade("policy", "list").err
    stub.routes["GET", "/screening/policies/strict"] = Answer(body=TEXT)
    assert colonnade("policy", "show", "strict").out == "name: strict\n"


def test_a_failing_test_fails_the_command(stub: Stub, colonnade: Run, file: Path) -> None:
    stub.routes["POST", "/screening/policies/test"] = Answer(body=TESTED)
    done = colonnade("policy", "test", str(file))
    assert (done.status, done.err) == (1, "1 of 2 tests pass.\n")
    assert "FAILED" in done.out
    assert stub.last.body == {"yaml": YAML}
    assert colonnade("policy", "test", str(file), "--json").status == 1
    passing = TESTED | {"outcomes": TESTED["outcomes"][:1]}
    stub.routes["POST", "/screening/policies/test"] = Answer(body=passing)
    assert colonnade("policy", "test", str(file)).status == 0


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("rules.1", "strict.yaml, line 4: "),
        ("rules.1.scorer", "strict.yaml, line 5: "),
        ("rules.1.replacement", "strict.yaml, line 4: "),
        ("rules.7", "strict.yaml, line 2: "),
        ("yaml", "Error: wrong"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_its_line(
    stub: Stub, colonnade: Run, file: Path, field: str, place: str
) -> None:
    stub.routes["PUT", "/screening/policies/strict"] = error(400, "invalid_argument", "wrong", field=field)
    done = colonnade("policy", "put", str(file))
    assert done.status == 1
    assert place in done.err
    assert done.err.count("wrong") == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: strict\nrules: [", "line 2: this is not YAML"),
        ("rules: []", "line 1: name is missing"),
        ("name: [x]", "line 1: name is missing"),
        ("", "line 1: name is missing"),
    ],
)
def test_what_is_no_policy_is_not_sent(stub: Stub, colonnade: Run, file: Path, text: str, told: str) -> None:
    file.write_text(text, "utf-8")
    assert told in colonnade("policy", "put", str(file)).err
    assert not stub.seen


def test_a_policy_is_put_used_and_taken_back(stub: Stub, colonnade: Run, file: Path) -> None:
    stub.routes["PUT", "/screening/policies/strict"] = Answer(body=PUT)
    put = colonnade("policy", "put", str(file))
    assert (put.out, "colonnade policy use strict" in put.err) == ("sha256:a\n", True)
    stub.routes["POST", "/screening/assignments"] = Answer(body=ASSIGNED)
    used = colonnade("policy", "use", "strict", "--route", "/generate", "--share", "10", "--why", "try")
    assert used.err == (
        "/generate: what holds everywhere holds here; strict sha256:a judges 10% of the requests; "
        "default sha256:d is its shadow (revision 2).\n"
    )
    assert stub.last.body == {
        "route": "/generate", "name": "strict", "share": 10, "why": "try"
    }  # fmt: skip
    colonnade("policy", "shadow", "strict", "--end", "--expected-revision", "2")
    assert stub.last.body == {
        "route": "*", "name": "strict", "share": 0, "shadow": True, "expected_revision": 2
    }  # fmt: skip
    stub.routes["POST", "/screening/assignments/take-back"] = Answer(body=ASSIGNED | {"candidate": None})
    assert "revision 2" in colonnade("policy", "back", "--route", "/generate").err
    assert stub.last.body == {"route": "/generate"}


def test_a_dry_run_says_what_would_change(stub: Stub, colonnade: Run, file: Path) -> None:
    changed = {
        "at": KEPT["at"], "side": "output", "route": "/generate", "before": "mask", "after": "refuse",
        "rule": "none", "excerpt": "My\x1b[2J number",
    }  # fmt: skip
    run = {"name": "strict", "version": "sha256:a", "screened": 2, "changed": [changed]}
    stub.routes["POST", "/screening/dry-runs"] = Answer(body=run)
    done = colonnade("policy", "dry-run", str(file), "--limit", "5")
    assert "refuse by none" in done.out
    assert "\x1b" not in done.out
    assert "1 of 2 kept texts" in done.err
    stub.routes["POST", "/screening/dry-runs"] = Answer(body=run | {"screened": 0, "changed": []})
    assert "COLONNADE_ETHICS_KEEP_SAMPLE" in colonnade("policy", "dry-run", str(file)).err


def test_decisions_are_listed_and_counted(stub: Stub, colonnade: Run) -> None:
    listed = "/screening/decisions?page_size=50&rule=cards&shadow=false"
    stub.routes["GET", listed] = Answer(body={"decisions": [KEPT], "next_page_token": ""})
    assert "Rule cards: masked." in colonnade("decisions", "--rule", "cards").out
    stub.routes["GET", listed] = Answer(body={"decisions": [], "next_page_token": ""})
    assert "no such decision" in colonnade("decisions", "--rule", "cards").err
    stub.routes["GET", "/screening/decisions/summary?by=day&shadow=true"] = Answer(body=COUNTS)
    counted = colonnade("decisions", "--summary", "--by", "day", "--shadow")
    assert counted.out.split() == ["day", "decisions", "cards", "3"]
    colonnade("decisions", "--since", "24h")
    since = datetime.fromisoformat(parse_qs(urlsplit(stub.last.path).query)["since"][0])
    assert timedelta(hours=23) < datetime.now(UTC) - since < timedelta(hours=25)
    assert "'soon' is not a time" in colonnade("decisions", "--since", "soon").err
