"""``/lineage`` and evaluations: what is passed on, shown and refused; and the link in answers."""

import json
from typing import Any

import httpx
import pytest

from colonnade.errors import Conflict
from colonnade.gateway.domain.lineage import Evaluation, NewEdge, Node, Question
from tests.unit.gateway.fake_lineage import SOURCE, VERSION
from tests.unit.gateway.fakes import DIGEST, House, events

DATA: dict[str, Any] = {
    "kind": "dataset",
    "id": f"sha256:{'d' * 64}",
    "label": "wiki",
    "facts": {"bytes": "7"},
}
SMOL = {"kind": "reference", "id": "tiny:1"}
EDGE: dict[str, Any] = {"from": SMOL, "relation": "trained_on", "to": DATA}
MEASURED: dict[str, Any] = {
    "suite": "arc-easy",
    "suite_digest": DATA["id"],
    "results": {"accuracy": 0.5},
    "outcome": "passed",
    "origin": "run-7",
}
MANY = dict.fromkeys("abcdefghijklmnopq", "")
EVALUATIONS = "/models/tiny/versions/1/evaluations"


async def test_a_trace_is_made_for_drawing(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.get("/lineage", params={"model": "tiny:1"})
    assert answer.status_code == 200, answer.text
    assert house.lineage.asked == [Question("reference", "tiny:1", "upstream")]
    shown = answer.json()
    assert shown["roots"] == [VERSION.key]
    assert shown["nodes"][0] == {
        "key": VERSION.key,
        "kind": "version",
        "id": VERSION.id,
        "label": "tiny:1",
        "facts": {"family": "transformer"},
        "versions": [{"model": "tiny", "version": 1, "aliases": ["production"]}],
    }
    assert shown["edges"] == [
        {
            "from": VERSION.key,
            "relation": "converted_from",
            "to": SOURCE.key,
            "at": "2030-01-02T00:00:00Z",
            "by": "local/local",
        }
    ]
    assert shown["truncated"] is False


async def test_all_of_a_question_goes_along(house: House, client: httpx.AsyncClient) -> None:
    asked: dict[str, str | int] = {
        "kind": "dataset", "id": DATA["id"], "direction": "downstream", "depth": 3, "adapter": DIGEST,
        "policy": "strict@2",
    }  # fmt: skip
    assert (await client.get("/lineage", params=asked)).status_code == 200
    assert house.lineage.asked == [Question("dataset", DATA["id"], "downstream", 3, DIGEST, "strict@2")]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "id"),
        ({"kind": "dataset"}, "id"),
        ({"id": DIGEST}, "id"),
        ({"kind": "dataset", "id": DIGEST, "model": "tiny"}, "id"),
        ({"kind": "book", "id": "x"}, "kind"),
        ({"model": "a b"}, "model"),
        ({"model": "tiny", "direction": "sideways"}, "direction"),
        ({"model": "tiny", "depth": 101}, "depth"),
        ({"model": "tiny", "depth": -1}, "depth"),
        ({"model": "tiny", "depth": "deep"}, "depth"),
        ({"model": "tiny", "adapter": "poet"}, "adapter"),
        ({"kind": "run", "id": "x" * 300}, "id"),
    ],
    ids=[
        "nothing", "kind-alone", "id-alone", "both", "kind", "model", "direction", "deep", "negative", "text",
        "adapter", "long",
    ],
)  # fmt: skip
async def test_questions_that_are_refused(
    house: House, client: httpx.AsyncClient, params: dict[str, Any], field: str
) -> None:
    answer = await client.get("/lineage", params=params)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["error"]["details"]["field"] == field
    assert not house.lineage.asked


async def test_edges_are_recorded(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.post("/lineage", json={"edges": [EDGE]}, headers={"idempotency-key": "run-7"})
    assert (answer.status_code, answer.json()) == (201, {"added": 1})
    edge = NewEdge(
        Node("reference", "tiny:1"), "trained_on", Node("dataset", DATA["id"], "wiki", {"bytes": "7"})
    )
    assert house.lineage.said == [([edge], "run-7")]
    assert ("lineage.record", "ok") in house.audit.seen
    house.lineage.error = Conflict("it would close a cycle", field="edges")
    assert (await client.post("/lineage", json={"edges": [EDGE]})).status_code == 409
    assert ("lineage.record", "refused") in house.audit.seen


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "edges"),
        ({"edges": [EDGE] * 201}, "edges"),
        ({"edges": [EDGE | {"relation": "stolen_from"}]}, "edges[0].relation"),
        ({"edges": [EDGE | {"to": {"kind": "book", "id": "x"}}]}, "edges[0].to.kind"),
        ({"edges": [EDGE | {"to": DATA | {"id": "x" * 300}}]}, "edges[0].to.id"),
        ({"edges": [EDGE | {"to": DATA | {"label": "x" * 300}}]}, "edges[0].to.label"),
        ({"edges": [EDGE | {"to": DATA | {"facts": {"bytes": 7}}}]}, "edges[0].to.facts.bytes"),
        ({"edges": [EDGE | {"to": DATA | {"facts": MANY}}]}, "edges[0].to.facts"),
        ({"edges": [{"relation": "trained_on", "to": DATA}]}, "edges[0].from"),
    ],
    ids=["nothing", "many", "relation", "kind", "id", "label", "fact", "facts", "from"],
)  # fmt: skip
async def test_edges_that_are_refused(
    house: House, client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await client.post("/lineage", json=body)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["error"]["details"]["field"] == field
    assert not house.lineage.said


async def test_an_evaluation_is_recorded_and_shown(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.post(EVALUATIONS, json=MEASURED, headers={"idempotency-key": "k"})
    assert answer.status_code == 201, answer.text
    assert answer.json() == MEASURED | {
        "id": "ev_1", "model": "tiny", "version": 1, "by": "local/local", "at": "2030-01-02T00:00:00Z",
    }  # fmt: skip
    sent = Evaluation("tiny", 1, "arc-easy", {"accuracy": 0.5}, DATA["id"], "passed", "run-7")
    assert house.evaluations.recorded == [(sent, "k")]
    assert ("evaluation.record", "ok") in house.audit.seen
    page = await client.get(EVALUATIONS, params={"page_size": 2, "page_token": "t"})
    assert ([each["id"] for each in page.json()["evaluations"]], page.json()["next_page_token"]) == (
        ["ev_1"],
        "",
    )
    assert house.evaluations.asked == [("tiny", 1, 2, "t")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"results": {"a": 1}}, "suite"),
        ({"suite": "x"}, "results"),
        (MEASURED | {"results": {"a": "1"}}, "results.a"),
        (MEASURED | {"results": {f"a{at}": 1 for at in range(65)}}, "results"),
        (MEASURED | {"outcome": "good"}, "outcome"),
        (MEASURED | {"suite": "x" * 129}, "suite"),
        (MEASURED | {"by": "me"}, "by"),
    ],
    ids=["suite", "results", "text", "many", "outcome", "long", "by"],
)
async def test_evaluations_that_are_refused(
    house: House, client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await client.post(EVALUATIONS, json=body)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["error"]["details"]["field"] == field
    assert not house.evaluations.recorded
    for version in ("0", "x", str(2**60)):
        assert (await client.get(EVALUATIONS.replace("1", version))).status_code == 400


async def test_an_answer_links_to_what_made_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={"prompt": "x"})
    link = f"/lineage?kind=version&id={DIGEST}"
    assert (answer.json()["lineage"], answer.headers["x-colonnade-lineage"]) == (link, link)
    assert (await client.get(link)).status_code == 200
    streamed = await client.post("/generate", json={"prompt": "x", "stream": True})
    assert streamed.headers["x-colonnade-lineage"] == link
    *before, last = [json.loads(data) for _, data in events(streamed.text)[:-1]]
    assert last["lineage"] == link
    assert all("lineage" not in each for each in before)
    adapted = await client.post("/generate", json={"prompt": "x", "adapter": "poet"})
    assert adapted.json()["lineage"] == f"{link}&adapter=sha256:{'e' * 64}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "tiny", "messages": [{"role": "user", "content": "x"}]}),
        ("/v1/completions", {"model": "tiny", "prompt": "x"}),
        ("/v1/responses", {"model": "tiny", "input": "x"}),
        ("/v2/models/tiny/generate", {"text_input": "x"}),
        ("/embed", {"input": "x"}),
        ("/score", {"text": "x"}),
    ],
    ids=["chat", "completions", "responses", "oip", "embed", "score"],
)
async def test_every_protocol_has_it_as_a_header(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    answer = await client.post(path, json=body)
    assert answer.headers["x-colonnade-lineage"] == f"/lineage?kind=version&id={DIGEST}"
