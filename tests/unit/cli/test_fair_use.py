"""``colonnade limits`` and ``colonnade usage``."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
LIMITS = {"kind": "key", "tenant": "shop", "name": "k1", "requests_per_minute": 5, "monthly_tokens": 0}
SUM = {
    "requests": 2, "prompt_tokens": 10, "cached_prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 15,
    "cached_requests": 1, "cached_completion_tokens": 7,
}  # fmt: skip
REPORT = {"group_by": ["day", "model"], "usage": [SUM | {"day": "2030-01-01", "model": "m,1"}], "total": SUM}


def test_limits_are_set_and_deleted(stub: Stub, colonnade: Run) -> None:
    stub.routes["PUT", "/limits/keys/k1"] = Answer(body=LIMITS)
    stub.routes["DELETE", "/limits/tenants/shop/models/m"] = Answer(status=204)
    done = colonnade("limits", "set", "--key", "k1", "--requests-per-minute", "5", "--max-priority", "-3")
    assert done.status == 0, done
    assert stub.last.body == {"requests_per_minute": 5, "max_priority": -3}
    assert colonnade("limits", "delete", "--tenant", "shop", "--model", "m").status == 0
    refused = colonnade("limits", "set", "--model", "m")
    assert refused.status == 1
    assert "name a key, a tenant" in refused.err


def test_limits_are_listed(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/limits"] = Answer(body={"limits": [LIMITS]})
    listed = colonnade("limits", "list").out.splitlines()
    assert listed[1].split() == ["key", "shop", "k1", "5", "default", "default", "0", "default"]
    assert json.loads(colonnade("limits", "list", "--json").out)[0]["name"] == "k1"
    stub.routes["GET", "/limits"] = Answer(body={"limits": []})
    assert "settings hold" in colonnade("limits", "list").err


def test_what_is_left(stub: Stub, colonnade: Run) -> None:
    left = {"kind": "key", "tenant": "shop", "name": "k1", "requests": {"limit": 5, "remaining": 3}}
    stub.routes["GET", "/limits/me"] = Answer(body={"limits": [left]})
    assert "3 of 5" in colonnade("limits", "me").out
    assert json.loads(colonnade("limits", "me", "--json").out)[0]["requests"]["remaining"] == 3


def test_usage_as_a_table_as_csv_and_as_json(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/usage?group_by=day%2Cmodel"] = Answer(body=REPORT)
    shown = colonnade("usage", "--group-by", "day,model").out.splitlines()
    assert shown[1].split() == ["2030-01-01", "m,1", "2", "10", "4", "5", "15", "1", "7"]
    as_csv = colonnade("usage", "--group-by", "day,model", "--csv").out.splitlines()
    assert as_csv[0].startswith("day,model,requests,prompt_tokens")
    assert as_csv[1] == '2030-01-01,"m,1",2,10,4,5,15,1,7'
    told = json.loads(colonnade("usage", "--group-by", "day,model", "--json").out)
    assert told["total"]["total_tokens"] == 15


def test_usage_of_nothing(stub: Stub, colonnade: Run) -> None:
    path = "/usage?from=2030-01-01&group_by=day%2Ckey%2Cmodel&key=k1"
    stub.routes["GET", path] = Answer(body=REPORT | {"usage": []})
    done = colonnade("usage", "--from", "2030-01-01", "--key", "k1")
    assert (done.status, done.out) == (0, "")
    assert "Nothing was used" in done.err


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_day_that_is_none(stub: Stub, colonnade: Run, option: str) -> None:
    done = colonnade("usage", option, "yesterday")
    assert done.status == 1
    assert "2030-01-31" in done.err
    assert not stub.seen
