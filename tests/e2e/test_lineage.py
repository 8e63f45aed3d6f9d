"""Lineage through the public door: what made an answer, and what a data set's withdrawal would affect."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from colonnade.client import Colonnade, LineageNode
from tests.harness.platform import Platform
from tests.harness.tiny_adapter import write_tiny_adapter

ALIAS = "traced"
DATA = f"sha256:{hashlib.sha256(b'the corpus').hexdigest()}"


@pytest.fixture(scope="module")
def traced(platform: Platform, tiny_model: Path) -> Platform:
    """A model and an adapter of it, with a data set that somebody says they were trained on."""
    platform.command("models", "import", str(tiny_model), "--name", "traced-model", "--alias", ALIAS)
    folder = write_tiny_adapter(tiny_model.parent / "traced-adapter", seed=77, rank=3)
    base = ("--base", "traced-model:1", "--alias", ALIAS)
    platform.command("models", "import", str(folder), "--name", "traced-adapter", *base)
    with Colonnade(platform.url) as client:
        data = LineageNode("dataset", DATA, "corpus", {"bytes": "10"})
        assert client.lineage.record([("traced-model:1", "trained_on", data)]) == 1
        assert client.lineage.record([("traced-model:1", "trained_on", data)]) == 0
    return platform


def test_an_answers_link_tells_what_made_it(traced: Platform) -> None:
    asked = {
        "prompt": "The sea",
        "max_tokens": 4,
        "model": f"traced-model@{ALIAS}",
        "adapter": "traced-adapter:1",
    }
    with traced.client() as http:
        answer = http.post("/generate", json=asked)
        assert answer.status_code == 200, answer.text
        link = answer.json()["lineage"]
        assert answer.headers["x-colonnade-lineage"] == link
        found = http.get(link).json()
    used = answer.json()["model"]
    assert found["roots"] == [f"version:{used['digest']}", f"version:{used['adapter']['digest']}"]
    nodes = {each["key"]: each for each in found["nodes"]}
    relations = {(each["from"], each["relation"], nodes[each["to"]]["kind"]) for each in found["edges"]}
    own, adapter = found["roots"]
    assert {
        (own, "converted_from", "source"),
        (own, "trained_on", "dataset"),
        (adapter, "converted_from", "source"),
        (adapter, "derived_from", "version"),
    } <= relations
    assert nodes[f"dataset:{DATA}"]["label"] == "corpus"
    here = [(each["model"], each["aliases"]) for each in nodes[own]["versions"]]
    assert ("traced-model", [ALIAS]) in here
    assert str(traced.home) not in json.dumps(found), "no folder of the machine is told"


def test_a_streams_last_event_has_the_link_too(traced: Platform) -> None:
    with Colonnade(traced.url) as client, client.stream("x", model="traced-model:1", max_tokens=3) as stream:
        whole = stream.wait()
        found = client.lineage.trace(whole.lineage)
    assert found.roots == (f"version:{whole.model.digest}",)


def test_what_a_data_sets_withdrawal_would_affect(traced: Platform) -> None:
    told = traced.command("lineage", f"dataset:{DATA}", "--downstream").stdout
    assert told.splitlines()[0].startswith("corpus (dataset sha256:")
    assert "trained_on: " in told
    assert f"derived_from: traced-adapter:1  {ALIAS}" in told
    assert " of " in told.splitlines()[-1]
    shown: dict[str, Any] = json.loads(
        traced.command("lineage", f"dataset:{DATA}", "--downstream", "--json", "--depth", "1").stdout
    )
    affected = {place["model"] for each in shown["nodes"] for place in each["versions"]}
    assert "traced-model" in affected
    assert "traced-adapter" not in affected, "it is two edges away"


def test_evaluations_are_kept_and_in_the_graph(traced: Platform) -> None:
    with Colonnade(traced.url) as client:
        kept = client.models.record_evaluation(
            "traced-model", 1, "arc-easy", {"accuracy": 0.25}, outcome="passed", origin="run-7"
        )
        assert client.models.evaluations("traced-model", 1) == [kept]
        found = client.lineage.trace(LineageNode("run", "run-7"), direction="downstream")
    assert {node.kind for node in found.nodes} == {"run", "evaluation", "version"}
    assert "accuracy 0.25" in traced.command("models", "evaluations", "traced-model:1").stdout
