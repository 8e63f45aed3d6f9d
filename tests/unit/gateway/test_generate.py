"""``POST /generate``: what goes down, what comes back, in both modes."""

import json

import httpx
import pytest

from colonnade.errors import DeadlineExceeded, NotFound, Overloaded, Unavailable
from colonnade.gateway.domain.generation import (
    Chunk,
    Finish,
    Message,
    Rival,
    Sampling,
    Timings,
    Token,
    Usage,
)
from colonnade.gateway.domain.models import Resolution
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.http.wire_answers import GenerateAnswer
from colonnade.security.identity import Role
from tests.unit.gateway.fakes import DIGEST, House, events, finish, target


async def test_json_answer(house: House, client: httpx.AsyncClient) -> None:
    response = await client.post("/generate", json={"prompt": "Hello"})
    assert response.status_code == 200
    answer = response.json()
    GenerateAnswer.model_validate(answer, strict=True)
    assert answer["text"] == "Paris"
    assert answer["finish_reason"] == "length"
    assert answer["model"] == {"name": "tiny", "version": 1, "digest": DIGEST}
    assert answer["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "cached_prompt_tokens": 0,
    }
    assert answer["seed"] == 42
    assert "logprobs" not in answer
    assert answer["timings"]["prefill"] == 0.2
    assert response.headers["x-colonnade-model-version"] == "tiny:1"
    assert house.generator.running == 0


async def test_defaults_and_the_caller_go_down(house: House, client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "Hello"}, headers={"x-request-id": "abc-1"})
    (spec,), (caller,) = house.generator.specs, house.generator.callers
    assert spec.prompt == "Hello"
    assert spec.max_tokens == 100
    assert spec.sampling == Sampling(0.8, 50, 0.95, 0.0, 1.0, None)
    assert (spec.stop, spec.logprobs, spec.messages) == ((), None, None)
    assert caller.request_id == "abc-1"
    assert caller.principal.tenant == "local"
    assert caller.principal.roles == {Role.ADMIN}
    assert caller.deadline is not None


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("creative", Sampling(1.2, 100, 0.95)),
        ("precise", Sampling(0.3, 20, 0.9)),
        ("balanced", Sampling(0.7, 50, 0.9)),
        ("deterministic", Sampling(0.0, 0, 1.0)),
    ],
)
async def test_presets(house: House, client: httpx.AsyncClient, preset: str, expected: Sampling) -> None:
    await client.post("/generate", json={"prompt": "x", "preset": preset})
    assert house.generator.specs[0].sampling == expected


async def test_given_fields_go_before_the_preset(house: House, client: httpx.AsyncClient) -> None:
    body = {"prompt": "x", "preset": "creative", "top_k": 0, "temperature": 1, "seed": 2**63 - 1}
    assert (await client.post("/generate", json=body)).status_code == 200
    assert house.generator.specs[0].sampling == Sampling(1.0, 0, 0.95, 0.0, 1.0, 2**63 - 1)


async def test_messages_stop_and_nulls(house: House, client: httpx.AsyncClient) -> None:
    body = {
        "prompt": None,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi 🎉\u2028"}],
        "stop": "\n",
        "temperature": None,
        "stream": None,
        "model": "tiny@production",
        "max_tokens": 32768,
    }
    response = await client.post("/generate", json=body)
    assert response.status_code == 200
    (spec,) = house.generator.specs
    assert spec.messages == (Message("system", "Be brief."), Message("user", "Hi 🎉\u2028"))
    assert spec.stop == ("\n",)
    assert spec.max_tokens == 2048  # the model's context
    assert ("resolve", "tiny@production", "") in house.catalog.calls


async def test_tiny_temperatures_are_greedy(house: House, client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "x", "temperature": 1e-30})
    assert house.generator.specs[0].sampling.temperature == 0.0


async def test_logprobs(house: House, client: httpx.AsyncClient) -> None:
    token = Token(7, "a", -0.25, (Rival(8, "b", -1.5),))
    house.generator.chunks = [Chunk("a", (token,)), Chunk("", (), finish("stop"))]
    answer = (await client.post("/generate", json={"prompt": "x", "logprobs": 1})).json()
    GenerateAnswer.model_validate(answer, strict=True)
    expected = [{"id": 7, "text": "a", "logprob": -0.25, "top": [{"id": 8, "text": "b", "logprob": -1.5}]}]
    assert answer["logprobs"] == expected
    streamed = await client.post("/generate", json={"prompt": "x", "logprobs": 1, "stream": True})
    assert json.loads(events(streamed.text)[0][1])["tokens"] == expected


async def test_stream(house: House, client: httpx.AsyncClient) -> None:
    text = 'He said:\n\ndata: "x"\r\n\u2028é'
    house.generator.chunks = [Chunk(text, (Token(1, text),)), Chunk("!", (Token(2, "!"),), finish("stop"))]
    response = await client.post("/generate", json={"prompt": "x", "stream": True})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-colonnade-model-version"] == "tiny:1"
    kinds, data = zip(*events(response.text), strict=True)
    assert set(kinds) == {"message"}
    assert data[-1] == "[DONE]"
    parsed = [json.loads(each) for each in data[:-1]]
    assert [event["text"] for event in parsed] == [text, "!", ""]
    assert all(event["id"] == parsed[0]["id"] for event in parsed)
    assert "tokens" not in parsed[0]
    assert parsed[-1]["finish_reason"] == "stop"
    assert parsed[-1]["usage"]["total_tokens"] == 5
    assert parsed[-1]["model"]["digest"] == DIGEST


async def test_penalties_bias_and_form_go_down(house: House, client: httpx.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"z": {"const": "é"}, "a": {}}}
    body = {
        "prompt": "x",
        "frequency_penalty": 0.5,
        "presence_penalty": -2,
        "logit_bias": {"0": -100, "15043": 1.5},
        "structure": {"json_schema": schema},
        "n": None,
    }
    assert (await client.post("/generate", json=body)).status_code == 200
    (spec,) = house.generator.specs
    assert spec.sampling.frequency_penalty == 0.5
    assert spec.sampling.presence_penalty == -2
    assert spec.sampling.logit_bias == {0: -100, 15043: 1.5}
    assert spec.structure is not None
    assert spec.structure.given == ("json_schema",)
    assert json.dumps(json.loads(spec.structure.json_schema or "")) == json.dumps(schema), "in its order"
    assert spec.n == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"regex": "[ab]+"}, Structure(regex="[ab]+")),
        ({"grammar": 'start: "a"'}, Structure(grammar='start: "a"')),
        ({"json_object": True, "regex": None}, Structure(json_object=True)),
    ],
    ids=["regex", "grammar", "object"],
)
async def test_forms(
    house: House, client: httpx.AsyncClient, given: dict[str, object], expected: Structure
) -> None:
    await client.post("/generate", json={"prompt": "x", "structure": given})
    assert house.generator.specs[0].structure == expected


def _two() -> list[Chunk]:
    """Two answers whose chunks come mixed."""
    second = Finish("stop", Usage(3, 4, 2, 6, 5), Timings(0.3, 0.1, 0.9, 0.5), seed=43, stop="!")
    return [
        Chunk("Pa", (Token(1, "Pa", -0.5),), index=0),
        Chunk("Lo", (Token(3, "Lo", -0.7),), index=1),
        Chunk("ris", (Token(2, "ris", -0.1),), finish(), index=0),
        Chunk("ndon", (Token(4, "ndon", -0.2),), second, index=1),
    ]


async def test_several_answers(house: House, client: httpx.AsyncClient) -> None:
    house.generator.chunks = _two()
    answer = (await client.post("/generate", json={"prompt": "x", "n": 2, "logprobs": 0})).json()
    GenerateAnswer.model_validate(answer, strict=True)
    assert house.generator.specs[0].n == 2
    first, second = answer["choices"]
    assert (first["index"], first["text"], first["finish_reason"], first["seed"]) == (
        0,
        "Paris",
        "length",
        42,
    )
    assert (second["index"], second["text"], second["finish_reason"]) == (1, "London", "stop")
    assert (second["seed"], second["stop"]) == (43, "!")
    assert [token["text"] for token in second["logprobs"]] == ["Lo", "ndon"]
    assert {name: answer[name] for name in first if name != "index"} | {"index": 0} == first
    assert answer["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 6,
        "total_tokens": 9,
        "cached_prompt_tokens": 0,
        "guessed_tokens": 6,
        "accepted_tokens": 5,
    }
    assert answer["timings"]["decode"] == 0.9
    assert house.generator.running == 0


async def test_several_answers_in_one_stream(house: House, client: httpx.AsyncClient) -> None:
    house.generator.chunks = _two()
    response = await client.post("/generate", json={"prompt": "x", "n": 2, "stream": True})
    _, data = zip(*events(response.text), strict=True)
    parsed = [json.loads(each) for each in data[:-1]]
    texts = {0: "", 1: ""}
    for event in parsed[:-1]:
        texts[event["index"]] += event["text"]
    assert texts == {0: "Paris", 1: "London"}
    ends = {event["index"]: event for event in parsed if "finish_reason" in event}
    assert {index: end["seed"] for index, end in ends.items()} == {0: 42, 1: 43}
    assert all("usage" not in end for end in ends.values())
    assert "index" not in parsed[-1]
    assert parsed[-1]["usage"]["completion_tokens"] == 6
    assert parsed[-1]["model"]["digest"] == DIGEST


@pytest.mark.parametrize("stream", [False, True])
async def test_one_of_several_answers_without_an_end_is_an_error(
    house: House, client: httpx.AsyncClient, stream: bool
) -> None:
    house.generator.chunks = _two()[:3]
    response = await client.post("/generate", json={"prompt": "x", "n": 2, "stream": stream})
    if stream:
        assert events(response.text)[-1][0] == "error"
    else:
        assert response.status_code == 503


async def test_several_answers_are_counted_with_one_prompt(house: House, client: httpx.AsyncClient) -> None:
    house.generator.chunks = _two()
    await client.post("/generate", json={"prompt": "x", "n": 2})
    facts = house.audit.records[0][3]
    assert (facts["prompt_tokens"], facts["completion_tokens"]) == (3, 6)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Unavailable("inference is away"), 503, "1"),
        (Overloaded("the queue is full", retry_after_seconds=7), 429, "7"),
        (DeadlineExceeded("too late"), 504, None),
        (NotFound("gone"), 404, None),
    ],
)
async def test_refusals_before_the_first_chunk_have_their_own_status(
    house: House, client: httpx.AsyncClient, error: Exception, status: int, retry: str | None, stream: bool
) -> None:
    house.generator.error = error  # type: ignore[assignment]
    response = await client.post("/generate", json={"prompt": "x", "stream": stream})
    assert response.status_code == status
    assert response.headers.get("retry-after") == retry
    assert response.json()["error"]["request_id"] == response.headers["x-request-id"]
    house.generator.error = None
    again = {"prompt": "x", "priority": 1}  # goes before what was refused a moment ago
    assert (await client.post("/generate", json=again)).status_code == 200


async def test_an_error_after_the_start_is_an_event(house: House, client: httpx.AsyncClient) -> None:
    house.generator.error, house.generator.error_after = Unavailable("the engine died"), 1
    response = await client.post("/generate", json={"prompt": "x", "stream": True})
    assert response.status_code == 200
    first, last = events(response.text)
    assert json.loads(first[1])["text"] == "Pa"
    assert last[0] == "error"
    error = json.loads(last[1])["error"]
    assert error["code"] == "unavailable"
    assert error["message"] == "the engine died"
    assert error["request_id"] == response.headers["x-request-id"]
    assert house.audit.seen == [("generate", "unavailable")]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_an_end_is_an_error(
    house: House, client: httpx.AsyncClient, stream: bool
) -> None:
    house.generator.chunks = [Chunk("Pa", (Token(1, "Pa"),))]
    response = await client.post("/generate", json={"prompt": "x", "stream": stream})
    if stream:
        assert events(response.text)[-1][0] == "error"
    else:
        assert response.status_code == 503


@pytest.mark.parametrize("stream", [False, True])
async def test_a_bug_is_a_general_500(house: House, client: httpx.AsyncClient, stream: bool) -> None:
    house.generator.chunks = [None]  # type: ignore[list-item]
    response = await client.post("/generate", json={"prompt": "x", "stream": stream})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "Traceback" not in response.text
    assert "NoneType" not in response.text


async def test_the_last_known_version_answers_while_the_registry_is_away(
    house: House, client: httpx.AsyncClient
) -> None:
    assert (await client.post("/generate", json={"prompt": "x"})).status_code == 200
    house.catalog.error = Unavailable("the registry is away")
    response = await client.post("/generate", json={"prompt": "x"})
    assert response.status_code == 200
    assert response.headers["x-colonnade-degraded"] == "registry"
    unknown = await client.post("/generate", json={"prompt": "x", "model": "tiny:1"})
    assert unknown.status_code == 503
    assert unknown.headers["retry-after"] == "1"


async def test_user_becomes_the_subject(house: House, client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "x", "user": "alice@example.com"})
    assert house.generator.callers[0].principal.subject == "alice@example.com"
    assert house.catalog.callers[0].principal.subject == "alice@example.com"


async def test_the_audit_record_holds_no_text(house: House, client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "my secret prompt", "user": "bob"})
    ((action, principal, outcome, facts),) = house.audit.records
    assert (action, principal.subject, outcome) == ("generate", "bob", "length")
    assert facts["digest"] == DIGEST
    assert (facts["prompt_tokens"], facts["completion_tokens"]) == (3, 2)
    assert "secret" not in repr(facts)


async def test_metrics_of_generation(house: House, client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "x"})
    await client.post("/generate", json={"messages": [{"role": "user", "content": "x"}], "stream": True})
    house.generator.error, house.generator.error_after = Unavailable("x"), 1
    await client.post("/generate", json={"prompt": "x"})

    def sample(name: str, **labels: str) -> float | None:
        common = {"gen_ai_provider_name": "colonnade", "gen_ai_request_model": "tiny"}
        value: float | None = house.metrics.get_sample_value(name, common | labels)
        return value

    text, chat = {"gen_ai_operation_name": "text_completion"}, {"gen_ai_operation_name": "chat"}
    assert sample("gen_ai_server_time_to_first_token_seconds_count", **chat) == 1
    assert sample("gen_ai_server_request_duration_seconds_count", **text, error_type="") == 1
    assert sample("gen_ai_server_request_duration_seconds_count", **text, error_type="unavailable") == 1
    assert sample("gen_ai_server_time_per_output_token_seconds_count", **chat) == 1
    assert sample("gen_ai_client_token_usage_sum", **text, gen_ai_token_type="output") == 3
    assert sample("gen_ai_client_token_usage_sum", **text, gen_ai_token_type="input") == 3


async def test_an_alias_without_weight_takes_no_requests(house: House, client: httpx.AsyncClient) -> None:
    house.catalog.resolution = Resolution("tiny", "production", (target(weight=0),))
    response = await client.post("/generate", json={"prompt": "x"})
    assert response.status_code == 404
    assert response.json()["error"]["details"]["field"] == "model"
