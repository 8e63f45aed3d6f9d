"""``colonnade lineage`` and ``colonnade models evaluations``."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from colonnade.cli.tracing import summary
from colonnade.client import Lineage
from colonnade.client.parsing import decoded
from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
DATA = f"sha256:{'d' * 64}"


def node(kind: str, name: str, label: str = "", **more: Any) -> dict[str, Any]:
    return {
        "key": f"{kind}:{name}",
        "kind": kind,
        "id": name,
        "label": label,
        "facts": {},
        "versions": [],
    } | more


def version(name: str, number: int, *aliases: str, **facts: str) -> dict[str, Any]:
    here = [] if facts else [{"model": name, "version": number, "aliases": list(aliases)}]
    return node("version", f"{name}{number}", f"{name}:{number}", versions=here, facts=facts)


def edge(source: str, relation: str, target: str) -> dict[str, str]:
    return {"from": source, "relation": relation, "to": target, "at": "2030-01-02T03:04:05Z", "by": "x"}


WIKI = node("dataset", DATA, "wiki\x1b[2J")
DOWN = {
    "roots": [WIKI["key"]],
    "nodes": [
        WIKI, version("smol", 3, "production", "canary"), version("smol", 2), version("poet", 1),
        version("old", 1, deleted="true"),
    ],
    "edges": [
        edge("version:smol3", "trained_on", WIKI["key"]),
        edge("version:smol2", "trained_on", WIKI["key"]),
        edge("version:smol3", "derived_from", "version:smol2"),
        edge("version:poet1", "derived_from", "version:smol3"),
        edge("version:old1", "trained_on", WIKI["key"]),
    ],
    "truncated": False,
}  # fmt: skip


def test_what_a_withdrawal_would_affect(stub: Stub, colonnade: Run) -> None:
    asked = f"/lineage?kind=dataset&id={quote(DATA)}&direction=downstream&depth=5"
    stub.routes["GET", asked] = Answer(body=DOWN)
    done = colonnade("lineage", f"dataset:{DATA}", "--downstream", "--depth", "5")
    assert done.status == 0, done.err
    assert done.out.splitlines() == [
        "wiki[2J (dataset sha256:dddddddddddd)",
        "├── trained_on: smol:3  canary  production",
        "│   └── derived_from: poet:1",
        "├── trained_on: smol:2",
        "│   └── derived_from: smol:3  canary  production  (unfolded elsewhere)",
        "└── trained_on: old:1  deleted",
        "3 versions of 2 models; 1 is in production; 1 deleted.",
    ]


def test_what_made_a_version(stub: Stub, colonnade: Run) -> None:
    own, source = version("smol", 3), node("source", "sha256:abc", "smol.gguf")
    judged = node("evaluation", "ev_1", "tasks", facts={"outcome": "passed"})
    stub.routes["GET", "/lineage?model=smol%3A3&direction=upstream"] = Answer(
        body={
            "roots": [own["key"]],
            "nodes": [own, source, judged, node("commit", "0a1b2c3")],
            "edges": [
                edge(own["key"], "converted_from", source["key"]),
                edge(own["key"], "judged_by", judged["key"]),
                edge(own["key"], "built_from", "commit:0a1b2c3"),
            ],
        }
    )
    done = colonnade("lineage", "smol:3")
    assert done.out.splitlines() == [
        "smol:3",
        "├── converted_from: smol.gguf (source sha256:abc)",
        "├── judged_by: tasks (evaluation ev_1, passed)",
        "└── built_from: commit 0a1b2c3",
        "1 source, 1 evaluation, 1 commit.",
    ]
    shown = colonnade("lineage", "smol:3", "--json")
    assert json.loads(shown.out)["roots"] == ["version:smol3"]


def test_summaries() -> None:
    alone = decoded(Lineage, DOWN | {"nodes": [WIKI], "edges": [], "truncated": True})
    assert summary(alone, downstream=False) == "Nothing is known of it. There is more than is shown."
    assert summary(alone, downstream=True).startswith("Nothing is known to have come from it.")
    runs = decoded(Lineage, DOWN | {"nodes": [node("policy", "a@1"), node("policy", "b@1")]})
    assert summary(runs, downstream=False) == "2 policies."
    live = [version("smol", 1, "production"), version("tiny", 1, "production")]
    both = decoded(Lineage, DOWN | {"nodes": live})
    assert summary(both, downstream=True) == "2 versions of 2 models; 2 are in production."
    none = decoded(Lineage, DOWN | {"nodes": [version("smol", 1, "canary")]})
    assert summary(none, downstream=True) == "1 version of 1 model; none is in production."


def test_a_long_chain_is_drawn_too() -> None:
    from colonnade.cli.tracing import trees

    keys = [f"dataset:{number}" for number in range(3000)]
    chain = {
        "roots": [keys[0]],
        "nodes": [node("dataset", str(number)) for number in range(3000)],
        "edges": [edge(one, "derived_from", keys[at + 1]) for at, one in enumerate(keys[:-1])],
    }
    (tree,), depth = trees(decoded(Lineage, chain), downstream=False), 0
    while tree.children:
        (tree,), depth = tree.children, depth + 1
    assert depth == 2999


def test_evaluations(stub: Stub, colonnade: Run) -> None:
    path = "/models/smol/versions/3/evaluations?page_size=100"
    kept = {
        "id": "ev_1", "model": "smol", "version": 3, "suite": "tasks",
        "results": {"tasks": 0.75, "stable": 0.5},
        "outcome": "passed", "origin": "ro_1", "by": "platform/registry", "at": "2030-01-02T03:04:05Z",
    }  # fmt: skip
    stub.routes["GET", path] = Answer(body={"evaluations": [kept], "next_page_token": ""})
    done = colonnade("models", "evaluations", "smol:3")
    assert "tasks 0.75, stable 0.5" in done.out
    assert "ro_1" in done.out
    assert json.loads(colonnade("models", "evaluations", "smol:3", "--json").out)[0]["suite"] == "tasks"
    stub.routes["GET", path] = Answer(body={"evaluations": [], "next_page_token": ""})
    assert "Nothing was measured of smol:3 yet." in colonnade("models", "evaluations", "smol:3").err
    refused = colonnade("models", "evaluations", "smol")
    assert refused.status != 0
    assert "name one as in smol:1" in refused.err
