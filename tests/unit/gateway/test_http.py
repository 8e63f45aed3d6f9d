"""What every answer has, and the routes around generation."""

import json
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from colonnade import telemetry
from colonnade.errors import Unavailable
from colonnade.gateway.domain.models import ImportOrder, ImportProgress
from colonnade.telemetry import traces
from tests.unit.gateway.fakes import House, events, version


@pytest.mark.parametrize("path", ["/version", "/models", "/nothing", "/docs"])
async def test_safe_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers


async def test_the_request_id_is_kept_where_it_is_one(house: House, client: httpx.AsyncClient) -> None:
    kept = await client.get("/models", headers={"x-request-id": "my-id.1"})
    assert kept.headers["x-request-id"] == "my-id.1"
    assert house.catalog.callers[0].request_id == "my-id.1"
    for wrong in ("a b", "x" * 129, "a\tb", ""):
        made = (await client.get("/version", headers={"x-request-id": wrong})).headers["x-request-id"]
        assert made != wrong
        assert len(made) == 32


async def test_one_log_line_a_request_without_what_was_said(
    house: House, client: httpx.AsyncClient, logs: list[Any]
) -> None:
    await client.post("/generate", json={"prompt": "my secret", "user": "alice"})
    await client.get("/nothing/like/secret")
    first, second = [line for line in logs if line["event"] == "answered"]
    assert (first["route"], first["status"], first["model"], first["tokens"]) == (
        "POST /generate",
        200,
        "tiny:1",
        2,
    )
    assert (second["route"], second["status"], second["failure"]) == ("unmatched", 404, "not_found")
    assert "secret" not in repr(logs)
    assert "alice" not in repr(logs)


async def test_traces_continue_the_callers(house: House, client: httpx.AsyncClient) -> None:
    class Ended(SpanProcessor):
        def __init__(self) -> None:
            self.spans: list[ReadableSpan] = []

        def on_end(self, span: ReadableSpan) -> None:
            self.spans.append(span)

    ended = Ended()
    telemetry.setup("gateway-test")
    try:
        traces.configure("gateway-test", "").add_span_processor(ended)
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        await client.post("/generate", json={"prompt": "x"}, headers={"traceparent": parent})
        await client.get("/nothing", headers={"traceparent": "garbage"})
    finally:
        telemetry.shutdown()
    first, second = ended.spans
    assert first.name == "POST /generate"
    assert first.parent is not None
    assert f"{first.parent.span_id:016x}" == "b7ad6b7169203331"
    assert first.attributes is not None
    assert first.attributes["http.response.status_code"] == 200
    assert second.name == "GET"
    assert second.parent is None


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/v2/health/ready", "/metrics"])
async def test_head_of_what_is_watched(house: House, client: httpx.AsyncClient, path: str) -> None:
    head, got = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    refused = await client.delete(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    if path.endswith("ready"):
        house.probes[0].wrong = "starting"
        assert (await client.head(path)).status_code == 503


async def test_head_elsewhere_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.head("/models")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")


async def test_health(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    ready = await client.get("/health/ready")
    parts = {"registry": "ready", "inference": "ready", "model": "ready"}
    assert ready.json() == {"status": "ready", "parts": parts}
    house.probes[1].wrong = "the inference service is not reachable"
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    error = response.json()["error"]
    assert error["message"] == "not ready: inference"
    assert error["details"]["parts"]["inference"] == "the inference service is not reachable"


async def test_metrics(client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "x"})
    await client.get("/no/such/route")
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'colonnade_gateway_requests_total{route="POST /generate",status="200"}' in response.text
    assert 'colonnade_gateway_requests_total{route="unmatched",status="404"}' in response.text
    assert "colonnade_gateway_in_flight_requests 1.0" in response.text
    assert "/no/such" not in response.text


async def test_version(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/version")).json()
    assert answer["name"] == "colonnade"
    assert answer["version"]


async def test_docs_need_no_other_site(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs")
    text = response.text
    assert response.headers["content-type"].startswith("text/html")
    for needed in ("POST", "/generate", "max_tokens", "1 to 32768", "/keys/{id}/rotate", "messages[].role"):
        assert needed in text
    for foreign in ("<script", "src=", "https://", "@import", "url("):
        assert foreign not in text
    assert "style-src 'sha256-" in response.headers["content-security-policy"]


async def test_openapi_document(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    body = document["components"]["schemas"]["GenerateBody"]
    assert body["additionalProperties"] is False
    assert (body["properties"]["temperature"]["minimum"], body["properties"]["temperature"]["maximum"]) == (
        0,
        2,
    )
    assert "/generate" in document["paths"]
    answer = document["paths"]["/generate"]["post"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["$ref"].endswith("GenerateAnswer")


async def test_models(house: House, client: httpx.AsyncClient) -> None:
    listed = (await client.get("/models?page_size=5&page_token=t")).json()
    assert [model["name"] for model in listed["models"]] == ["tiny"]
    assert listed["next_page_token"] == "next"
    assert ("list", 5, "t") in house.catalog.calls
    shown = (await client.get("/models/tiny")).json()
    assert shown["aliases"][0]["targets"] == [{"version": 1, "weight": 100}]
    assert shown["versions"][0]["source"] == "tiny.gguf"
    assert "/secret" not in json.dumps(shown)


async def test_aliases(house: House, client: httpx.AsyncClient) -> None:
    body = {"targets": [{"version": 1, "weight": 90}, {"version": 2, "weight": 10}], "expected_revision": 1}
    moved = await client.put("/models/tiny/aliases/production", json=body)
    assert moved.status_code == 200
    assert moved.json()["revision"] == 2
    assert (await client.delete("/models/tiny/aliases/canary")).status_code == 204
    assert [call[0] for call in house.catalog.calls] == ["set_alias", "delete_alias"]
    assert house.audit.seen == [
        ("alias.set", "begun"),
        ("alias.set", "ok"),
        ("alias.delete", "begun"),
        ("alias.delete", "ok"),
    ]


async def test_import_waits_as_json(house: House, client: httpx.AsyncClient) -> None:
    body = {"source": "bundled:smollm2", "name": "tiny", "alias": "production", "description": "d"}
    response = await client.post("/models/import", json=body, headers={"idempotency-key": "k-1"})
    assert response.status_code == 201
    assert response.json()["version"]["version"] == 1
    assert house.catalog.calls == [
        ("import", ImportOrder("bundled:smollm2", "tiny", "production", "d", "k-1"))
    ]
    deadline = house.catalog.callers[0].deadline
    assert deadline is not None
    assert ("model.import", "ok") in house.audit.seen


async def test_import_shows_progress(client: httpx.AsyncClient) -> None:
    headers = {"accept": "text/event-stream"}
    response = await client.post("/models/import", json={"source": "x", "name": "tiny"}, headers=headers)
    assert response.status_code == 200
    *steps, done = [data for _, data in events(response.text)]
    assert done == "[DONE]"
    first, last = [json.loads(step) for step in steps]
    assert first == {"stage": "convert", "fraction": 0.5, "message": "half"}
    assert last["version"]["name"] == "tiny"


async def test_import_that_fails(house: House, client: httpx.AsyncClient) -> None:
    house.catalog.steps = [ImportProgress("read", 1.0)]
    assert (await client.post("/models/import", json={"source": "x", "name": "tiny"})).status_code == 503
    house.catalog.error = Unavailable("away")
    assert (await client.post("/models/import", json={"source": "x", "name": "tiny"})).status_code == 503
    assert ("model.import", "refused") in house.audit.seen
    house.catalog.error = None
    house.catalog.steps = [ImportProgress("done", 1.0, "", version())]
    assert (await client.post("/models/import", json={"source": "x", "name": "tiny"})).status_code == 201


async def test_hosts_and_origins_of_a_gateway_with_keys() -> None:
    house = House(
        bootstrap="ck_" + "a" * 16 + "_" + "b" * 43,
        loopback=False,
        allowed_hosts=("llm.example.com",),
        allowed_origins=("https://app.example.com",),
    )
    async with house.client() as client:

        async def status(**headers: str) -> int:
            return (await client.get("/version", headers=headers)).status_code

        assert await status(host="llm.example.com") == 200
        assert await status(host="llm.example.com", **{"x-forwarded-for": "10.0.0.1"}) == 200
        assert await status(host="other.example.com") == 403
        probe = await client.get("/health/live", headers={"host": "10.1.2.3:8080"})
        assert probe.status_code == 200
        assert await status(host="llm.example.com", origin="https://app.example.com") == 200
        assert await status(host="llm.example.com", origin="https://evil.example") == 403


async def test_websockets_are_closed(house: House) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await house.app({"type": "websocket", "path": "/generate", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
