"""The OpenAPI document against what is really answered."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from colonnade.errors import Overloaded, Unavailable
from colonnade.gateway.domain.batches import BatchError
from colonnade.gateway.domain.caching import Cached
from colonnade.gateway.domain.engines import Breaker, Engine
from colonnade.gateway.domain.generation import Chunk, Rival, Token
from colonnade.gateway.domain.models import ImportProgress
from colonnade.gateway.http.app import build_routes
from colonnade.security.access.gateway import ROUTES
from colonnade.security.identity import Role
from tests.harness.described import Described
from tests.unit.gateway.every_route import BATCH, Keyed, call, keyed_house
from tests.unit.gateway.fakes import BASE, House, finish

UNDESCRIBED = {"GET /docs", "GET /openapi.json"}
SCORED = [
    Chunk("Pa", (Token(1, "Pa", -0.5, (Rival(1, "Pa", -0.5), Rival(2, "Ro", -0.9))),)),
    Chunk("ris", (Token(2, "ris", None),), finish("stop")),
]
SECOND = [replace(chunk, index=1) for chunk in SCORED]
TOOL_CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'
CALLED = [
    *(Chunk(piece, (Token(1, piece),)) for piece in ("Well. ", *TOOL_CALL)),
    Chunk("", (), finish("stop")),
]
GIVEN = [Chunk("Paris", (), finish("stop"), cached=Cached("semantic", 3.0, 0.97))]
EMPTY = [Chunk("", (), finish("length"))]
LATE = [Chunk("Pa"), Chunk("", (), finish("deadline"))]
FUNCTION = {"name": "weather", "parameters": {"type": "object"}}
CHAT_TOOL = {"type": "function", "function": FUNCTION}
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "x"}]}
TEXT, ITEMS = {"model": "tiny", "prompt": ["x", "y"]}, {"model": "tiny", "input": "x"}
TOLD = {"include": ["message.output_text.logprobs"], "top_logprobs": 2}
USED = {"session": "s1", "recall": True, "remember": True}
OIP = {"text_input": "x", "id": "mine"}
GOOD: Mapping[str, tuple[str, dict[str, Any], list[Chunk]]] = {
    "one": ("POST /generate", {"prompt": "x"}, GIVEN),
    "several": ("POST /generate", {"prompt": "x", "n": 2}, [*SCORED, *SECOND]),
    "scored": ("POST /generate", {"prompt": "x", "logprobs": 2}, SCORED),
    "empty": ("POST /generate", {"prompt": "x"}, EMPTY),
    "late": ("POST /generate", {"prompt": "x"}, LATE),
    "recalled": ("POST /generate", {"prompt": "x", "memory": USED}, SCORED),
    "recalled by several": (
        "POST /generate", {"prompt": "x", "n": 2, "memory": {"recall": True}}, [*SCORED, *SECOND]
    ),
    "chat recalled": ("POST /v1/chat/completions", CHAT | {"memory": USED}, SCORED),
    "chat": ("POST /v1/chat/completions", CHAT, GIVEN),
    "chat scored": ("POST /v1/chat/completions", CHAT | {"logprobs": True, "top_logprobs": 2}, SCORED),
    "chat calls": ("POST /v1/chat/completions", CHAT | {"tools": [CHAT_TOOL]}, CALLED),
    "chat empty": ("POST /v1/chat/completions", CHAT, EMPTY),
    "completions": ("POST /v1/completions", TEXT | {"echo": True}, EMPTY),
    "completions scored": ("POST /v1/completions", TEXT | {"logprobs": 2}, SCORED),
    "response": ("POST /v1/responses", ITEMS | {"metadata": {"a": "b"}, "user": "ann"}, GIVEN),
    "response scored": ("POST /v1/responses", ITEMS | TOLD, SCORED),
    "response calls": ("POST /v1/responses", ITEMS | {"tools": [{"type": "function"} | FUNCTION]}, CALLED),
    "response cut": ("POST /v1/responses", ITEMS | {"max_output_tokens": 2}, EMPTY),
    "response late": ("POST /v1/responses", ITEMS, LATE),
    "oip": ("POST /v2/models/{model}/generate", OIP, EMPTY),
    "oip scored": ("POST /v2/models/{model}/generate", OIP | {"parameters": {"details": True}}, SCORED),
}  # fmt: skip
STREAMED = {"POST /v2/models/{model}/generate": "POST /v2/models/{model}/generate_stream"}


@pytest.fixture
async def keyed() -> Keyed:
    return await keyed_house()


@pytest.fixture(scope="module")
def described() -> Described:
    house = House()
    return Described(build_routes(house.gateway, house.options).openapi())


async def ask(house: House, key: str, **more: Any) -> httpx.Response:
    method, path = key.split(" ")
    async with house.client() as client:
        return await client.request(method, path.format(model="tiny"), **more)


def test_every_route_is_described(described: Described) -> None:
    assert described.keys == ROUTES.keys() - UNDESCRIBED
    for key in described.keys:
        answers = described.answers(key)
        assert answers["default"]["content"]["application/json"]["schema"], key
        told = [answer.get("content", {}) for status, answer in answers.items() if status != "default"]
        assert all(content["schema"] for contents in told for content in contents.values()), key
        assert all(told) or answers.keys() == {"204", "default"}, key


def test_examples_are_what_they_are_examples_of(described: Described) -> None:
    streams = [
        content
        for key in described.keys
        for answer in described.answers(key).values()
        for kind, content in answer.get("content", {}).items()
        if kind == "text/event-stream"
    ]
    assert len(streams) == 14
    for content in streams:
        described.check_stream(content["itemSchema"]["anyOf"], content["example"])


def test_the_schemas_are_schemas(described: Described) -> None:
    for key in described.keys:
        for answer in described.answers(key).values():
            for content in answer.get("content", {}).values():
                Draft202012Validator.check_schema(content["schema"])


SAYING = sorted(key for key in ROUTES.keys() - UNDESCRIBED if not key.startswith("HEAD "))


@pytest.mark.parametrize("key", SAYING)
async def test_answers_and_refusals(keyed: Keyed, described: Described, key: str) -> None:
    _fill(keyed.house)
    answer = await call(keyed, key, keyed.by_role[Role.ADMIN])
    assert answer.is_success
    described.check(key, answer)
    refused = await call(keyed, key, "ck_nobody_nothing")
    assert refused.status_code == 401 or not refused.is_error
    described.check(key, refused)


@pytest.mark.parametrize("name", GOOD)
async def test_generated_answers(house: House, described: Described, name: str) -> None:
    key, body, chunks = GOOD[name]
    house.generator.chunks = chunks
    whole = await ask(house, key, json=body)
    assert (whole.status_code, described.check(key, whole)) == (200, "application/json")
    options = {"stream_options": {"include_usage": True}} if key.endswith("completions") else {}
    streamed = STREAMED.get(key)
    body = body if streamed else body | {"stream": True} | options
    stream = await ask(house, streamed or key, json=body)
    assert (stream.status_code, described.check(streamed or key, stream)) == (200, "text/event-stream")


@pytest.mark.parametrize("error", [Overloaded("full"), Unavailable("away"), RuntimeError("ours")], ids=repr)
@pytest.mark.parametrize("name", ["one", "chat", "completions", "response", "oip"])
async def test_streams_that_fail(house: House, described: Described, name: str, error: Exception) -> None:
    key, body, _ = GOOD[name]
    house.generator.error, house.generator.error_after = error, 1  # type: ignore[assignment]
    streamed = STREAMED.get(key)
    body = body if streamed else body | {"stream": True}
    stream = await ask(house, streamed or key, json=body)
    assert stream.status_code == 200
    described.check(streamed or key, stream)
    house.generator.error_after = 0
    refused = await ask(house, key, json=body)
    assert refused.status_code >= 429
    described.check(key, refused)


async def test_progress_of_an_import(house: House, described: Described) -> None:
    headers, key = {"accept": "text/event-stream"}, "POST /models/import"
    order = {"source": "x", "name": "tiny"}
    assert described.check(key, await ask(house, key, json=order, headers=headers)) == "text/event-stream"
    house.catalog.steps = [ImportProgress("convert", 0.5, "half")]
    broken = await ask(house, key, json=order)
    assert broken.status_code == 503
    described.check(key, broken)


async def test_other_forms(house: House, described: Described) -> None:
    csv = await ask(house, "GET /usage", headers={"accept": "text/csv"})
    assert described.check("GET /usage", csv) == "text/csv"
    packed = await ask(
        house, "POST /v1/embeddings", json={"model": "tiny", "input": "x", "encoding_format": "base64"}
    )
    assert described.check("POST /v1/embeddings", packed) == "application/json"
    house.probes[0].wrong = "starting"
    for key in ("GET /health/ready", "GET /v2/health/ready"):
        away = await ask(house, key)
        assert away.status_code == 503
        described.check(key, away)


def test_what_is_not_described_is_found(described: Described) -> None:
    request = httpx.Request("GET", BASE)
    wrong = httpx.Response(200, json={"status": "live", "surprise": 1}, request=request)
    with pytest.raises(Exception, match="surprise"):
        described.check("GET /health/live", wrong)


def _fill(house: House) -> None:
    """What lists are of."""
    breaker = Breaker("sha256:a", "open", 1.0)
    house.engines.known = (Engine("unix:e", True, "", 0.0, None, 1, 1, 0, 10, 100, ("tiny:1",), (breaker,)),)
    batch = house.batch_store._batches[BATCH]
    house.batch_store._batches[BATCH] = replace(batch, errors=(BatchError("invalid", "no", 3),))
