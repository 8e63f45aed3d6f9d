"""What the OpenAPI document of a running platform says of answers, and the answers."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.harness.described import Described
from tests.harness.platform import Platform

PROMPT = {"prompt": "The quick brown", "max_tokens": 8}
TEXT = {"model": "tiny", "max_tokens": 8}
MESSAGES = {"messages": [{"role": "user", "content": "the fox"}]}
INPUT = {"model": "tiny", "input": "the fox", "max_output_tokens": 8}
BIAS = {"logit_bias": {"0": -100}}
CALL = {"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "now"}}]}
SCORED = {"details": True}
TOLD = {"include": ["message.output_text.logprobs"], "top_logprobs": 2}
POSTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "generate": ("/generate", "", PROMPT),
    "generate several": ("/generate", "", PROMPT | BIAS | {"n": 2, "logprobs": 2}),
    "embed": ("/embed", "", {"model": "tiny", "input": "x"}),
    "score": ("/score", "", {"text": ["x", "y"]}),
    "tokenize": ("/tokenize", "", {"prompt": "a fox", "return_token_strs": True}),
    "detokenize": ("/detokenize", "", {"tokens": [40, 41]}),
    "chat": ("/v1/chat/completions", "", TEXT | MESSAGES | {"logprobs": True, "top_logprobs": 2}),
    "chat calls": ("/v1/chat/completions", "", MESSAGES | CALL | {"model": "tiny", "max_tokens": 200}),
    "completions": ("/v1/completions", "", TEXT | {"prompt": ["x", "y"], "logprobs": 2}),
    "embeddings": ("/v1/embeddings", "", {"model": "tiny", "input": ["x", "y"]}),
    "responses": ("/v1/responses", "", INPUT | TOLD),
    "oip": ("/v2/models/{model}/generate", "tiny", {"text_input": "x", "parameters": {"max_tokens": 8}}),
    "oip scored": ("/v2/models/{model}/generate", "tiny", {"text_input": "x", "parameters": SCORED}),
    "refused": ("/generate", "", PROMPT | {"temperature": 9}),
    "refused chat": ("/v1/chat/completions", "", {"model": "nobody"} | MESSAGES),
    "refused oip": ("/v2/models/{model}/generate", "nobody", {"text_input": "x"}),
}  # fmt: skip
GETS = (
    "/models", "/models/{name}", "/engines", "/cache", "/keys", "/limits", "/limits/me", "/usage", "/version",
    "/health/live", "/health/ready", "/metrics", "/v1/models", "/v1/models/{model}", "/v1/files",
    "/v1/batches", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/{model}",
    "/v2/models/{model}/ready", "/v2/models/{model}/versions/{version}",
)  # fmt: skip


@pytest.fixture(scope="module")
def http(platform: Platform) -> Iterator[httpx.Client]:
    with platform.client() as client:
        yield client


@pytest.fixture(scope="module")
def described(http: httpx.Client) -> Described:
    return Described(http.get("/openapi.json").json())


@pytest.mark.parametrize("path", GETS)
def test_what_is_seen(http: httpx.Client, described: Described, path: str) -> None:
    found = http.get(path.format(name="tiny", model="tiny", version="1"))
    assert found.status_code == 200
    assert described.check(f"GET {path}", found)


@pytest.mark.parametrize("name", POSTS)
def test_what_is_asked(http: httpx.Client, described: Described, name: str) -> None:
    path, model, body = POSTS[name]
    answer = http.post(path.format(model=model), json=body)
    assert answer.is_error == name.startswith("refused"), answer.text
    assert described.check(f"POST {path}", answer) == "application/json"


@pytest.mark.parametrize(
    "name", ["generate", "generate several", "chat", "chat calls", "completions", "responses"]
)
def test_what_is_streamed(http: httpx.Client, described: Described, name: str) -> None:
    path, _, body = POSTS[name]
    answer = http.post(path, json=body | {"stream": True})
    assert described.check(f"POST {path}", answer) == "text/event-stream", answer.text


@pytest.mark.parametrize("name", ["oip", "oip scored"])
def test_what_oip_streams(http: httpx.Client, described: Described, name: str) -> None:
    path, model, body = POSTS[name]
    path = f"{path}_stream"
    answer = http.post(path.format(model=model), json=body)
    assert described.check(f"POST {path}", answer) == "text/event-stream", answer.text


def test_an_import(http: httpx.Client, described: Described, platform: Platform, tiny_model: Any) -> None:
    # An alias of its own: what other tests on this platform call the default model stays what it is.
    order = {"source": str(tiny_model), "name": "tiny-described", "alias": "described"}
    key = "POST /models/import"
    progress = http.post("/models/import", json=order, headers={"accept": "text/event-stream"})
    assert described.check(key, progress) == "text/event-stream"
    assert described.check(key, http.post("/models/import", json=order)) == "application/json"
