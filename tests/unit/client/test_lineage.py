"""Lineage and evaluations: what both clients send, and what they make of the answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from colonnade.client import Evaluation, LineageEdge, LineageNode, LineagePlace
from colonnade.client.lineage_calls import named
from colonnade.errors import Conflict
from tests.unit.client.platform import Caller, answer, got, refused

DIGEST = f"sha256:{'a' * 64}"
OWN, DATA = f"version:{DIGEST}", f"dataset:{DIGEST}"
TRACE: dict[str, Any] = {
    "roots": [OWN],
    "nodes": [
        {
            "key": OWN, "kind": "version", "id": DIGEST, "label": "tiny:3",
            "facts": {"family": "transformer"},
            "versions": [{"model": "tiny", "version": 3, "aliases": ["production"]}],
        },
        {"key": DATA, "kind": "dataset", "id": DIGEST, "label": "wiki", "facts": {}, "versions": []},
    ],
    "edges": [
        {"from": OWN, "relation": "trained_on", "to": DATA, "at": "2030-01-02T03:04:05Z", "by": "local/eve"}
    ],
    "truncated": True,
}  # fmt: skip
EVALUATION: dict[str, Any] = {
    "id": "ev_1", "model": "tiny", "version": 3, "suite": "arc-easy", "results": {"accuracy": 0.5},
    "suite_digest": "", "outcome": "passed", "origin": "run-7", "by": "local/eve",
    "at": "2030-01-02T03:04:05Z",
}  # fmt: skip


async def test_a_trace(caller: Caller) -> None:
    caller.answers = [answer(TRACE)]
    found = await got(caller.client().lineage.trace("tiny:3", direction="downstream", depth=2))
    assert (found.roots, found.truncated) == ((OWN,), True)
    own = LineageNode(
        "version", DIGEST, "tiny:3", {"family": "transformer"}, (LineagePlace("tiny", 3, ("production",)),)
    )
    assert (found.nodes[0], found.node(DATA).label, own.key) == (own, "wiki", OWN)
    at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.edges == (LineageEdge(OWN, "trained_on", DATA, at, "local/eve"),)
    assert dict(caller.requests[0].url.params) == {"model": "tiny:3", "direction": "downstream", "depth": "2"}


@pytest.mark.parametrize(
    ("node", "params"),
    [
        ("tiny", {"model": "tiny"}),
        (DIGEST, {"kind": "version", "id": DIGEST}),
        (DATA, {"kind": "dataset", "id": DIGEST}),
        (LineageNode("run", "night/7"), {"kind": "run", "id": "night/7"}),
        (f"/lineage?kind=version&id={DIGEST}&adapter=x", {"kind": "version", "id": DIGEST, "adapter": "x"}),
    ],
    ids=["name", "digest", "dataset", "node", "link"],
)
async def test_how_nodes_are_named(caller: Caller, node: Any, params: dict[str, str]) -> None:
    caller.answers = [answer(TRACE)]
    await got(caller.client().lineage.trace(node, depth=1))
    url = caller.requests[0].url
    assert (url.path, dict(url.params)) == ("/lineage", params | {"depth": "1"})


def test_a_kind_and_a_number_is_a_version_of_a_model_of_that_name() -> None:
    assert named("run:7") == ("reference", "run:7")
    assert named("run:night-7") == ("run", "night-7")
    assert named("tiny@production") == ("reference", "tiny@production")


async def test_edges_are_recorded_once(caller: Caller) -> None:
    caller.answers = [answer({}, 503, retry_after="0"), answer({"added": 2}, 201)]
    data = LineageNode("dataset", DIGEST, "wiki", {"bytes": "7"})
    edges = [("tiny:3", "trained_on", data), ("run:night", "trained_on", DATA)]
    assert await got(caller.client().lineage.record(edges)) == 2
    assert caller.bodies[1] == {
        "edges": [
            {
                "from": {"kind": "reference", "id": "tiny:3"},
                "relation": "trained_on",
                "to": {"kind": "dataset", "id": DIGEST, "label": "wiki", "facts": {"bytes": "7"}},
            },
            {
                "from": {"kind": "run", "id": "night"},
                "relation": "trained_on",
                "to": {"kind": "dataset", "id": DIGEST},
            },
        ]
    }
    first, second = caller.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_a_cycle_is_a_conflict(caller: Caller) -> None:
    caller.answers = [refused(409, "conflict")]
    with pytest.raises(Conflict):
        await got(caller.client().lineage.record([("tiny:3", "derived_from", "tiny:2")]))


async def test_evaluations(caller: Caller) -> None:
    page = {"evaluations": [EVALUATION], "next_page_token": "t"}
    caller.answers = [answer(EVALUATION, 201), answer(page), answer(page | {"next_page_token": ""})]
    models = caller.client().models
    kept = await got(models.record_evaluation("tiny", 3, "arc-easy", {"accuracy": 0.5}, outcome="passed"))
    assert isinstance(kept, Evaluation)
    assert (kept.id, kept.results, kept.origin) == ("ev_1", {"accuracy": 0.5}, "run-7")
    assert caller.bodies[0] == {"suite": "arc-easy", "results": {"accuracy": 0.5}, "outcome": "passed"}
    assert await got(models.evaluations("tiny", 3)) == [kept, kept]
    assert [str(each.url.params.get("page_token")) for each in caller.requests[1:]] == ["None", "t"]
    assert {each.url.path for each in caller.requests} == {"/models/tiny/versions/3/evaluations"}
