"""Every kind of wrong input: a 4xx in the one shape, naming field and limit, and the next request works."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.gateway.fakes import BASE, House

JSON = {"content-type": "application/json"}
MIB = 1024 * 1024


def body(**fields: Any) -> bytes:
    return json.dumps({"prompt": "x"} | fields).encode()


def raw(value: str, field: str = "temperature") -> bytes:
    return f'{{"prompt": "x", "{field}": {value}}}'.encode()


CASES: list[tuple[str, bytes, int, str]] = [
    ("empty prompt", body(prompt=""), 400, "prompt"),
    ("no input", b"{}", 400, "prompt"),
    ("null input", body(prompt=None), 400, "prompt"),
    ("1 MB prompt", body(prompt="x" * 1_000_000), 413, "prompt"),
    ("prompt over the limit in bytes, not characters", body(prompt="é" * 131_073), 413, "prompt"),
    ("prompt of the wrong type", body(prompt=7), 400, "prompt"),
    ("prompt as a list", body(prompt=["x"]), 400, "prompt"),
    ("both prompt and messages", body(messages=[{"role": "user", "content": "x"}]), 400, "prompt"),
    ("no messages", b'{"messages": []}', 400, "messages"),
    ("messages of the wrong type", b'{"messages": "x"}', 400, "messages"),
    ("a message of the wrong type", b'{"messages": ["x"]}', 400, "messages[0]"),
    ("an unknown role", b'{"messages": [{"role": "root", "content": "x"}]}', 400, "messages[0].role"),
    ("an empty message", b'{"messages": [{"role": "user", "content": ""}]}', 400, "messages[0].content"),
    (
        "a message without content",
        b'{"messages": [{"role": "user", "content": "x"}, {"role": "user"}]}',
        400,
        "messages[1].content",
    ),
    (
        "a message with more",
        b'{"messages": [{"role": "user", "content": "x", "name": "y"}]}',
        400,
        "messages[0].name",
    ),
    (
        "too many messages",
        json.dumps({"messages": [{"role": "user", "content": "x"}] * 1025}).encode(),
        400,
        "messages",
    ),
    (
        "messages too long together",
        json.dumps({"messages": [{"role": "user", "content": "x" * 100_000}] * 3}).encode(),
        413,
        "messages",
    ),
    ("temperature below 0", body(temperature=-1), 400, "temperature"),
    ("temperature 1e9", body(temperature=1e9), 400, "temperature"),
    ("temperature as text", body(temperature="1"), 400, "temperature"),
    ("temperature true", body(temperature=True), 400, "temperature"),
    ("NaN", raw("NaN"), 400, "temperature"),
    ("Infinity", raw("Infinity"), 400, "temperature"),
    ("-Infinity", raw("-Infinity"), 400, "temperature"),
    ("1e999", raw("1e999"), 400, "temperature"),
    ("an integer of 5000 digits", raw("9" * 5000, "seed"), 400, "seed"),
    ("top_p 0", body(top_p=0), 400, "top_p"),
    ("top_p 2", body(top_p=2), 400, "top_p"),
    ("top_k below 0", body(top_k=-1), 400, "top_k"),
    ("top_k 1e7", body(top_k=10**7), 400, "top_k"),
    ("top_k a fraction", body(top_k=1.5), 400, "top_k"),
    ("min_p 2", body(min_p=2), 400, "min_p"),
    ("repetition_penalty 0", body(repetition_penalty=0), 400, "repetition_penalty"),
    ("repetition_penalty 11", body(repetition_penalty=11), 400, "repetition_penalty"),
    ("max_tokens 0", body(max_tokens=0), 400, "max_tokens"),
    ("max_tokens -1", body(max_tokens=-1), 400, "max_tokens"),
    ("max_tokens 10^9", body(max_tokens=10**9), 400, "max_tokens"),
    ("max_tokens as text", body(max_tokens="100"), 400, "max_tokens"),
    ("max_tokens a fraction", body(max_tokens=1.5), 400, "max_tokens"),
    ("max_tokens true", body(max_tokens=True), 400, "max_tokens"),
    ("10^4 stop strings", body(stop=["x"] * 10_000), 400, "stop"),
    ("an empty stop string", body(stop=["x", ""]), 400, "stop[1]"),
    ("a long stop string", body(stop="x" * 257), 400, "stop[0]"),
    ("a very long stop string", body(stop="x" * 5000), 413, "stop[0]"),
    ("stop of the wrong type", body(stop=7), 400, "stop"),
    ("stop of wrong types", body(stop=["x", 7]), 400, "stop[1]"),
    ("seed below 0", body(seed=-1), 400, "seed"),
    ("seed 2^63", body(seed=2**63), 400, "seed"),
    ("seed 2^64", body(seed=2**64), 400, "seed"),
    ("logprobs 21", body(logprobs=21), 400, "logprobs"),
    ("logprobs true", body(logprobs=True), 400, "logprobs"),
    ("frequency_penalty 3", body(frequency_penalty=3), 400, "frequency_penalty"),
    ("frequency_penalty as text", body(frequency_penalty="1"), 400, "frequency_penalty"),
    ("presence_penalty -3", body(presence_penalty=-3), 400, "presence_penalty"),
    ("logit_bias of the wrong type", body(logit_bias=[1]), 400, "logit_bias"),
    ("logit_bias by name", body(logit_bias={"hello": 1}), 400, "logit_bias"),
    ("logit_bias below the first token", body(logit_bias={"-1": 1}), 400, "logit_bias"),
    ("logit_bias with two names for a token", body(logit_bias={"01": 1}), 400, "logit_bias"),
    ("logit_bias beyond any vocabulary", body(logit_bias={"4294967296": 1}), 400, "logit_bias"),
    ("logit_bias too strong", body(logit_bias={"7": 101}), 400, "logit_bias.7"),
    ("logit_bias as text", body(logit_bias={"7": "1"}), 400, "logit_bias.7"),
    ("logit_bias of many", body(logit_bias=dict.fromkeys(range(1025), 1)), 400, "logit_bias"),
    ("n 0", body(n=0), 400, "n"),
    ("n 17", body(n=17), 400, "n"),
    ("n a fraction", body(n=1.5), 400, "n"),
    ("n true", body(n=True), 400, "n"),
    ("structure as text", body(structure="json"), 400, "structure"),
    ("no structure", body(structure={}), 400, "structure"),
    ("nothing in structure", body(structure={"json_object": False}), 400, "structure"),
    ("two structures", body(structure={"regex": "a", "json_object": True}), 400, "structure"),
    ("an unknown structure", body(structure={"xml": "<a/>"}), 400, "structure.xml"),
    ("a schema as text", body(structure={"json_schema": "{}"}), 400, "structure.json_schema"),
    ("a regex that is a list", body(structure={"regex": ["a"]}), 400, "structure.regex"),
    ("an empty regex", body(structure={"regex": ""}), 400, "structure.regex"),
    ("a long regex", body(structure={"regex": "a" * 4097}), 413, "structure.regex"),
    ("a long grammar", body(structure={"grammar": "a" * 16385}), 413, "structure.grammar"),
    ("a grammar with NUL", body(structure={"grammar": "a\0"}), 400, "structure.grammar"),
    (
        "a long schema",
        body(structure={"json_schema": {"description": "a" * 65536}}),
        413,
        "structure.json_schema",
    ),
    ("an unknown preset", body(preset="wild"), 400, "preset"),
    ("a long user", body(user="x" * 257), 413, "user"),
    ("user with a line break", body(user="a\nb"), 400, "user"),
    ("stream as text", body(stream="yes"), 400, "stream"),
    ("an unknown model", body(model="nothing-like-it"), 404, "model"),
    ("a malformed model", body(model="../../etc/passwd"), 400, "model"),
    ("model and model_size", body(model="tiny", model_size="7B"), 400, "model_size"),
    ("a malformed model_size", body(model_size="huge"), 400, "model_size"),
    ("an unknown field", body(temprature=1), 400, "temprature"),
    ("an unknown field that forges a log line", body(**{"a\nb\x1b[2J": 1}), 400, "a\\nb\\x1b[2J"),
    ("a duplicate key", b'{"prompt": "x", "prompt": "y"}', 400, "body"),
    ("invalid UTF-8", b'{"prompt": "\xff\xfe"}', 400, "body"),
    ("a UTF-8 surrogate", b'{"prompt": "\xed\xa0\x80"}', 400, "body"),
    ("UTF-16", '{"prompt": "x"}'.encode("utf-16"), 400, "body"),
    ("NUL", b'{"prompt": "a\\u0000b"}', 400, "prompt"),
    ("a raw NUL", b'{"prompt": "a\x00b"}', 400, "body"),
    ("NUL in a stop string", b'{"prompt": "x", "stop": ["\\u0000"]}', 400, "stop[0]"),
    ("a lone surrogate", b'{"prompt": "\\ud800"}', 400, "prompt"),
    ("a lone surrogate as a key", b'{"prompt": "x", "\\udc00": 1}', 400, "body"),
    ("deep arrays", b"[" * 100_000, 400, "body"),
    ("deep JSON", b'{"prompt":' + b'{"a":' * 500 + b"1" + b"}" * 501, 400, "body"),
    ("many values", b'{"stop": [' + b"0," * 200_000 + b"0]}", 400, "body"),
    ("not JSON", b"prompt=x", 400, "body"),
    ("half of it", b'{"prompt": "x"', 400, "body"),
    ("two of it", b"{}{}", 400, "body"),
    ("nothing", b"", 400, "body"),
    ("an array", b"[]", 400, "body"),
    ("text", b'"x"', 400, "body"),
    ("null", b"null", 400, "body"),
    ("a body over the limit", b" " * (MIB + 1), 413, "body"),
]


def check(response: httpx.Response, status: int, field: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    parsed = response.json()
    assert set(parsed) == {"error"}
    error: dict[str, Any] = parsed["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["details"]["field"] == field
    assert error["message"]
    assert error["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert "pydantic" not in response.text
    assert len(response.content) < 4096
    return error


async def works(client: httpx.AsyncClient) -> None:
    assert (await client.post("/generate", json={"prompt": "x"})).status_code == 200


@pytest.mark.parametrize(("content", "status", "field"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
async def test_body(client: httpx.AsyncClient, content: bytes, status: int, field: str) -> None:
    check(await client.post("/generate", content=content, headers=JSON), status, field)
    await works(client)


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({"temperature": 3}, 2),
        ({"temperature": -1}, 0),
        ({"max_tokens": 10**9}, 32768),
        ({"prompt": "x" * 300_000}, 262_144),
        ({"stop": ["x"] * 17}, 16),
        ({"preset": "wild"}, "'creative', 'precise', 'balanced' or 'deterministic'"),
        ({"max_tokens": "x"}, "an integer"),
        ({"seed": 2**63}, 2**63 - 1),
    ],
)
async def test_the_limit_is_named(client: httpx.AsyncClient, fields: dict[str, Any], limit: object) -> None:
    response = await client.post("/generate", json={"prompt": "x"} | fields)
    error = response.json()["error"]
    assert error["details"]["limit"] == limit
    assert next(iter(fields)) in error["message"]
    assert str(limit) in error["message"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "neither was given"),
        ({"prompt": "x", "messages": [{"role": "user", "content": "x"}]}, "both were"),
    ],
)
async def test_prompt_or_messages(client: httpx.AsyncClient, fields: dict[str, Any], said: str) -> None:
    assert said in (await client.post("/generate", json=fields)).json()["error"]["message"]


async def test_several_faults_are_all_listed(client: httpx.AsyncClient) -> None:
    response = await client.post("/generate", json={"prompt": 1, "seed": "x", "more": 1})
    details = response.json()["error"]["details"]
    assert {fault["field"] for fault in details["errors"]} == {"prompt", "seed", "more"}


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({"content-encoding": "gzip"}, 415, "content-encoding"),
        ({"content-encoding": "identity, gzip"}, 415, "content-encoding"),
        ({"content-type": "text/plain"}, 415, "content-type"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "content-type"),
        ({"content-type": "application/json; charset=utf-16"}, 415, "content-type"),
        ({"content-type": ""}, 415, "content-type"),
        ({"content-length": "x"}, 400, "content-length"),
        ({"content-length": "9" * 30}, 413, "body"),
        ({"host": "evil.example"}, 403, "host"),
        ({"host": "127.0.0.1.evil.example:8080"}, 403, "host"),
        ({"host": "evil@127.0.0.1"}, 403, "host"),
        ({"host": ""}, 403, "host"),
        ({"origin": "https://evil.example"}, 403, "origin"),
        ({"origin": "null"}, 403, "origin"),
        ({"origin": "http://127.0.0.1:9999"}, 403, "origin"),
        ({"sec-fetch-site": "cross-site"}, 403, "origin"),
        ({"x-forwarded-for": "10.0.0.1"}, 403, "forwarded"),
    ],
)
async def test_headers(client: httpx.AsyncClient, headers: dict[str, str], status: int, field: str) -> None:
    response = await client.post("/generate", content=body(), headers=JSON | headers)
    check(response, status, field)
    await works(client)


@pytest.mark.parametrize("name", ["host", "origin"])
async def test_host_and_origin_come_once(client: httpx.AsyncClient, name: str) -> None:
    twice = [(name, "127.0.0.1"), (name, "127.0.0.1"), ("content-type", "application/json")]
    check(await client.post("/generate", content=body(), headers=twice), 400, "host")


async def test_own_pages_may_call(client: httpx.AsyncClient) -> None:
    for headers in ({"origin": BASE}, {"host": "localhost:8080", "origin": "http://localhost:8080"}):
        assert (await client.get("/version", headers=headers)).status_code == 200


async def test_a_gzip_bomb_is_never_opened(client: httpx.AsyncClient) -> None:
    bomb = gzip.compress(b"\0" * (20 * MIB))
    check(
        await client.post("/generate", content=bomb, headers=JSON | {"content-encoding": "gzip"}),
        415,
        "content-encoding",
    )
    check(await client.post("/generate", content=bomb, headers=JSON), 400, "body")
    await works(client)


async def test_a_chunked_body_over_the_limit(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * (MIB // 32)

    check(await client.post("/generate", content=pieces(), headers=JSON), 413, "body")
    await works(client)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])
async def test_wrong_method(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/generate")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    if method != "HEAD":
        check(response, 405, "method")


async def test_allow_lists_every_method(client: httpx.AsyncClient) -> None:
    response = await client.put("/keys", json={})
    assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "path", ["/", "/generate/", "/nothing", "/models/a/b", "/docs/x", "//generate", "/%00"]
)
async def test_unknown_routes(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("name", ["a%00b", "..%2f..", "UPPER", "a%20b", "x" * 200, "%ff", "a@b"])
async def test_names_in_paths(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/models/{name}")
    assert response.status_code in (400, 404)
    assert response.json()["error"]["code"] in ("invalid_argument", "not_found")


@pytest.mark.parametrize(
    ("method", "path", "content", "field"),
    [
        ("GET", "/models?page_size=0", None, "page_size"),
        ("GET", "/models?page_size=x", None, "page_size"),
        ("GET", "/models?page_token=%00", None, "page_token"),
        ("POST", "/models/import", {}, "source"),
        ("POST", "/models/import", {"source": "", "name": "a"}, "source"),
        ("POST", "/models/import", {"source": "a\nb", "name": "a"}, "source"),
        ("POST", "/models/import", {"source": "a"}, "name"),
        ("POST", "/models/import", {"source": "a", "name": ""}, "name"),
        ("POST", "/models/import", {"source": "a", "name": "A B"}, "name"),
        ("PUT", "/models/tiny/aliases/UP", {"targets": [{"version": 1}]}, "alias"),
        ("PUT", "/models/tiny/aliases/a", {"targets": []}, "targets"),
        ("PUT", "/models/tiny/aliases/a", {"targets": [{"version": 1, "weight": 50}]}, "targets"),
        ("PUT", "/models/tiny/aliases/a", {"targets": [{"version": 0}]}, "targets[0].version"),
        ("PUT", "/models/tiny/aliases/a", {"targets": [{"version": 1, "weight": 0}]}, "targets[0].weight"),
        ("PUT", "/models/tiny/aliases/a", {"targets": [{"version": 1}] * 101}, "targets"),
        (
            "PUT",
            "/models/tiny/aliases/a",
            {"targets": [{"version": 1}], "expected_revision": -1},
            "expected_revision",
        ),
        ("POST", "/keys", {}, "roles"),
        ("POST", "/keys", {"roles": []}, "roles"),
        ("POST", "/keys", {"roles": ["service"]}, "roles[0]"),
        ("POST", "/keys", {"roles": ["caller"]}, "roles"),
        ("POST", "/keys", {"roles": ["admin"], "tenant": "A B"}, "tenant"),
        ("POST", "/keys", {"roles": ["admin"], "name": "a\nb"}, "name"),
        ("POST", "/keys", {"roles": ["admin"], "expires_at": "tomorrow"}, "expires_at"),
        ("POST", "/keys", {"roles": ["admin"], "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ("POST", "/keys", {"roles": ["admin"], "expires_at": "0001-01-01T00:00:00+23:00"}, "expires_at"),
        ("POST", "/keys", {"roles": ["admin"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ("POST", "/keys", {"roles": ["admin"], "expires_at": "9999-12-31T23:59:59Z"}, "expires_at"),
        ("DELETE", "/keys/nothing", None, "id"),
        ("POST", "/keys/nothing/rotate", {"grace_seconds": -1}, "grace_seconds"),
    ],
)
async def test_other_routes(
    client: httpx.AsyncClient, method: str, path: str, content: Any, field: str
) -> None:
    response = await client.request(method, path, json=content)
    assert 400 <= response.status_code < 500
    assert response.json()["error"]["details"]["field"] == field
    await works(client)


@pytest.mark.parametrize("path", ["/models/import", "/keys"])
async def test_idempotency_keys_are_checked(client: httpx.AsyncClient, path: str) -> None:
    content = {"source": "x", "name": "a"} if "import" in path else {"roles": ["admin"]}
    response = await client.post(path, json=content, headers={"idempotency-key": "a b"})
    check(response, 400, "idempotency-key")


_FIELDS = [
    "prompt", "messages", "model", "model_size", "max_tokens", "temperature", "top_k", "top_p", "min_p",
    "repetition_penalty", "preset", "stop", "seed", "logprobs", "user", "stream", "role", "content",
]  # fmt: skip
HOUSE = House()
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_FIELDS) | st.text(), inner, max_size=6)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_ANY)
@example({"prompt": "x", "temperature": float("nan")})
@example({"messages": [{"role": "user", "content": "\ud800"}]})
async def test_no_json_gets_a_5xx(value: Any) -> None:
    async with HOUSE.client() as client:
        response = await client.post("/generate", content=json.dumps(value).encode(), headers=JSON)
    assert response.status_code < 500
    assert response.status_code == 200 or set(response.json()["error"]) >= {"code", "message", "details"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0\\u d8tprompt\x00', max_size=60).map(str.encode))
async def test_no_bytes_get_a_5xx(content: bytes) -> None:
    async with HOUSE.client() as client:
        response = await client.post("/generate", content=content, headers=JSON)
    assert response.status_code < 500
