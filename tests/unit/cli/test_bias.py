"""``colonnade bias``"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from colonnade.cli import bias
from tests.unit.cli.stub import Answer, Stub
from tests.unit.client.test_bias import DONE, LIVE, RUNNING

Run = Callable[..., Any]
LISTED = "/bias/reports?page_size=50"


def test_a_report_is_begun(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/bias/reports"] = Answer(202, RUNNING)
    begun = colonnade("bias", "report", "tiny:3", "--sets", "builtin", "--sets", "crows")
    assert (begun.status, begun.out) == (0, "br_1\n")
    assert stub.last.body == {"model": "tiny", "version": 3, "sets": ["builtin", "crows"]}
    assert json.loads(colonnade("bias", "report", "tiny", "--json").out)["id"] == "br_1"
    assert stub.last.body == {"model": "tiny"}
    assert "smollm2:3" in colonnade("bias", "report", "tiny:x").err


def test_it_is_watched_to_its_end(stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bias, "_LOOK_SECONDS", 0.0)
    stub.routes["POST", "/bias/reports"] = Answer(202, RUNNING)
    stub.routes["GET", "/bias/reports/br_1"] = Answer(body=DONE)
    ended = colonnade("bias", "report", "tiny", "--watch")
    assert ended.status == 0
    assert "0.500 to 0.700" in ended.out
    assert "running 32 of 79 probes" in ended.err
    assert "tiny:3, done: 79 of 79 probes, of builtin" in ended.err
    failed = RUNNING | {"state": "failed", "why": "no \x1b[2Jengine has it"}
    stub.routes["GET", "/bias/reports/br_1"] = Answer(body=failed)
    ended = colonnade("bias", "report", "tiny", "--watch")
    assert ended.status != 0
    assert "no [2Jengine has it" in ended.err


def test_reports_are_listed_and_shown(stub: Stub, colonnade: Run) -> None:
    waiting = RUNNING | {"id": "br_2", "state": "queued", "done": 0, "total": 0, "by": ""}
    stub.routes["GET", LISTED] = Answer(body={"reports": [waiting, DONE], "next_page_token": ""})
    shown = colonnade("bias", "list").out
    assert "no probe yet" in shown
    assert "acme/ada" in shown
    stub.routes["GET", LISTED] = Answer(body={"reports": [], "next_page_token": ""})
    assert "no report yet" in colonnade("bias", "list").err
    stub.routes["GET", "/bias/reports/br_1"] = Answer(body=RUNNING)
    still = colonnade("bias", "show", "br_1")
    assert (still.status, still.out) == (0, "")
    assert "tiny:3, running: 32 of 79 probes" in still.err


def test_the_traffic_is_shown(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/bias/live?hours=3"] = Answer(body=LIVE)
    shown = colonnade("bias", "live", "--hours", "3")
    assert "0.100 to 0.300" in shown.out
    assert "Alarm 2030-01-02 03:04: tiny:3, gender, after 400 comparisons" in shown.err
    stub.routes["GET", "/bias/live"] = Answer(body=LIVE | {"gaps": [], "alarms": []})
    assert "COLONNADE_ETHICS_BIAS_SHARE" in colonnade("bias", "live").err
