"""``POST /generate`` through the public door of a running platform."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from colonnade.api.engine.v1.engine_pb2 import StatsRequest, StatsResponse
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub
from colonnade.rpc import Identity, Peer
from tests.harness.platform import Platform, eventually

GREEDY = {"prompt": "The quick brown", "max_tokens": 24, "preset": "deterministic"}


def _events(text: str) -> list[Any]:
    frames = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    return [json.loads(frame) for frame in frames[:-1]]


def test_answers_with_all_that_made_the_answer(platform: Platform) -> None:
    with platform.client() as http:
        reply = http.post("/generate", json=GREEDY | {"user": "ada"}, headers={"X-Request-Id": "e2e-1"})
    body = reply.json()
    assert reply.status_code == 200, body
    assert reply.headers["x-request-id"] == "e2e-1"
    assert body["model"]["name"] == "tiny"
    assert body["model"]["version"] == 1
    assert body["model"]["digest"].startswith("sha256:")
    assert body["finish_reason"] in {"length", "stop"}
    assert 0 < body["usage"]["completion_tokens"] <= 24
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )


def test_a_stream_says_the_same_as_one_answer(platform: Platform) -> None:
    with platform.client() as http:
        long = GREEDY | {"max_tokens": 200}
        whole = http.post("/generate", json=long).json()
        events = _events(http.post("/generate", json=long | {"stream": True}).text)
    assert "".join(event["text"] for event in events) == whole["text"]
    assert len(events) > 2  # how many tokens share an event is the load's to say
    assert events[-1]["finish_reason"] == whole["finish_reason"]
    assert events[-1]["usage"] == whole["usage"]


def test_a_seed_repeats_an_answer_whoever_else_is_served(platform: Platform) -> None:
    request = {
        "prompt": "Colonnade",
        "max_tokens": 16,
        "temperature": 1.5,
        "top_k": 0,
        "top_p": 1.0,
        "seed": 7,
    }
    with platform.client() as http:
        alone = http.post("/generate", json=request).json()["text"]
        with http.stream("POST", "/generate", json=GREEDY | {"max_tokens": 200, "stream": True}) as busy:
            lines = busy.iter_lines()  # kept: a dropped iterator closes the connection
            next(lines)
            beside = http.post("/generate", json=request).json()["text"]
        other = http.post("/generate", json=request | {"seed": 8}).json()["text"]
    assert alone == beside
    assert alone != other


def test_chat_goes_through_the_models_template(platform: Platform) -> None:
    with platform.client() as http:
        reply = http.post(
            "/generate", json={"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
        )
    assert reply.status_code == 200, reply.text
    assert reply.json()["usage"]["prompt_tokens"] > 8


def test_logprobs_and_stop(platform: Platform) -> None:
    with platform.client() as http:
        text = http.post("/generate", json=GREEDY).json()["text"]
        stop = text[len(text) // 2 : len(text) // 2 + 2]
        reply = http.post("/generate", json=GREEDY | {"stop": [stop], "logprobs": 3}).json()
    assert reply["text"] == text[: text.index(stop)]
    assert reply["finish_reason"] == "stop"
    assert all(len(token["top"]) == 3 and token["logprob"] <= 0 for token in reply["logprobs"])


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"model": "nobody"}, 404, "model"),
        ({"temperature": -1}, 400, "temperature"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"prompt": ""}, 400, "prompt"),
        ({"surprise": 1}, 400, "surprise"),
    ],
)
def test_a_refusal_names_the_field_and_the_next_request_works(
    platform: Platform, change: dict[str, Any], status: int, field: str
) -> None:
    with platform.client() as http:
        reply = http.post("/generate", json=GREEDY | change)
        assert reply.status_code == status, reply.text
        assert field in json.dumps(reply.json()["error"])
        assert http.post("/generate", json=GREEDY).status_code == 200


def test_a_prompt_beyond_the_context_is_refused_with_the_numbers(platform: Platform) -> None:
    with platform.client() as http:
        error = http.post("/generate", json=GREEDY | {"prompt": "word " * 2000}).json()["error"]
    assert error["code"] == "invalid_argument"
    assert "at most 8191" in error["message"]


def test_a_client_that_leaves_stops_the_generation(platform: Platform) -> None:
    with platform.client() as http:
        long = {
            "max_tokens": 8000,
            "logit_bias": {"0": -100},  # no text of its ends before somebody has looked
            "n": 16,
            "stream": True,
        }  # a tiny model writes thousands of tokens a second
        with http.stream("POST", "/generate", json=GREEDY | long) as reply:
            lines = reply.iter_lines()  # kept: a dropped iterator closes the connection
            next(lines)
            eventually(lambda: _running(platform) > 0, 30, "the engine works on the request")
        eventually(lambda: _running(platform) == 0, 30, "the engine lets the request go")


def _running(platform: Platform) -> int:
    """Requests that the engine itself says it is working on."""
    return asyncio.run(_engine_running(platform.home))


async def _engine_running(home: Path) -> int:
    identity = Identity("test", home / "identity")
    async with Peer("engine", f"unix:{home}/run/engine.sock", identity) as peer:
        stub = EngineServiceStub(peer.channel)
        stats = await peer.unary(stub.Stats, StatsRequest(), StatsResponse)
    return sum(model.running for model in stats.models)


def test_one_request_id_runs_through_all_logs(platform: Platform) -> None:
    with platform.client() as http:
        http.post("/generate", json=GREEDY, headers={"X-Request-Id": "follow-me-42"})

    def seen() -> bool:
        logs = platform.home / "logs"
        return all(
            "follow-me-42" in (logs / f"{name}.log").read_text()
            for name in ("gateway", "inference", "engine")
        )

    eventually(seen, 10, "the request id shows in every log")


def test_models_are_listed_and_shown(platform: Platform) -> None:
    with platform.client() as http:
        assert "tiny" in [model["name"] for model in http.get("/models").json()["models"]]
        shown = http.get("/models/tiny").json()
        assert "production" in [alias["name"] for alias in shown["aliases"]]
        assert http.get("/models/nobody").status_code == 404


def test_health_version_docs_and_metrics(platform: Platform) -> None:
    with platform.client() as http:
        for path in ("/health/live", "/health/ready", "/version", "/docs", "/metrics"):
            assert http.get(path).status_code == 200, path
