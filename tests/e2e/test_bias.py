"""A report of bias through the public door: begun, followed, read."""

import json

import pytest

from colonnade.client import Colonnade
from colonnade.errors import NotFound
from tests.harness.platform import Platform


def test_a_version_is_asked_and_shown(platform: Platform) -> None:
    told = platform.command("bias", "report", "tiny:1", "--watch")
    report_id, *rows = told.stdout.splitlines()
    shown = {tuple(row.split()[1:3]) for row in rows}
    assert {("gender", "preference"), ("racial", "likelihood_spread"), ("all", "parity_difference")} <= shown
    assert "tiny:1, done: 79 of 79 probes, of builtin" in told.stderr
    as_json = json.loads(platform.command("bias", "show", report_id, "--json").stdout)
    with Colonnade(platform.url) as client:
        found = client.bias.get(report_id)
        assert client.bias.list(model="tiny", limit=1) == [found]
        with pytest.raises(NotFound, match="builtin"):
            client.bias.report("tiny", sets=["other"])
    assert (as_json["id"], found.state, found.model, found.version) == (report_id, "done", "tiny", 1)
    assert all(figure.low <= figure.value <= figure.high for figure in found.figures)


def test_a_key_begins_one_report(platform: Platform) -> None:
    with Colonnade(platform.url) as client:
        begun = client.bias.report("tiny", idempotency_key="once")
        assert client.bias.report("tiny", idempotency_key="once").id == begun.id
