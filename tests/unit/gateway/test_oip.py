"""Open Inference Protocol v2: what KServe's and Triton's clients ask for and are answered."""

import json
from typing import Any

import httpx
import pytest

from colonnade.errors import Overloaded, Unavailable
from colonnade.gateway.domain.generation import Chunk, Sampling, Token
from tests.unit.gateway.fakes import House, events, finish

TINY = "/v2/models/tiny"
ENDING = {"finish_reason": "length", "prompt_tokens": 3, "completion_tokens": 2, "seed": 42}
HEAD = {"model_name": "tiny", "model_version": "1"}


async def post(house: House, path: str, **body: Any) -> httpx.Response:
    async with house.client() as client:
        return await client.post(path, json=body)


async def test_the_server_and_its_health(house: House, client: httpx.AsyncClient) -> None:
    server = (await client.get("/v2")).json()
    assert (server["name"], server["extensions"]) == ("colonnade", ["generate"])
    assert (await client.get("/v2/health/live")).json() == {"live": True}
    assert (await client.get("/v2/health/ready")).json() == {"ready": True}
    assert (await client.get(f"{TINY}/ready")).json() == {"ready": True, "name": "tiny"}
    house.probes[1].wrong = "starting"
    for path in ("/v2/health/ready", f"{TINY}/ready", f"{TINY}/versions/1/ready"):
        response = await client.get(path)
        assert (response.status_code, response.json()) == (503, {"error": "not ready: inference"})


async def test_a_model(client: httpx.AsyncClient) -> None:
    for path in (TINY, f"{TINY}/versions/1"):
        assert (await client.get(path)).json() == {
            "name": "tiny",
            "versions": ["1"],
            "platform": "transformer",
            "inputs": [{"name": "text_input", "datatype": "BYTES", "shape": [1]}],
            "outputs": [{"name": "text_output", "datatype": "BYTES", "shape": [1]}],
        }
    for path in (f"{TINY}/versions/2", f"{TINY}/versions/x/ready"):
        response = await client.get(path)
        assert (response.status_code, response.json()) == (404, {"error": "tiny has no such version"})


async def test_an_answer(house: House) -> None:
    response = await post(house, f"{TINY}/generate", text_input="The capital of France is")
    assert response.json() == {"text_output": "Paris", **HEAD, "details": ENDING}
    assert response.headers["x-colonnade-model-version"] == "tiny:1"
    [spec] = house.generator.specs
    assert (spec.prompt, spec.model, spec.logprobs) == ("The capital of France is", "tiny", None)


async def test_everything_that_can_be_asked(house: House) -> None:
    sampling: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.6, "top_k": 7, "min_p": 0.1, "repetition_penalty": 1.1,
        "frequency_penalty": 0.2, "presence_penalty": 0.3, "seed": 9,
    }  # fmt: skip
    parameters = sampling | {"max_tokens": 5, "stop": ["a", "b"], "details": True}
    response = await post(house, f"{TINY}/generate", text_input="x", parameters=parameters, id="r7")
    assert response.json() == {
        "text_output": "Paris",
        **HEAD,
        "id": "r7",
        "details": ENDING
        | {
            "logprobs": [
                {"id": 1, "text": "Pa", "logprob": -0.5},
                {"id": 2, "text": "ris", "logprob": -0.1},
            ]
        },
    }
    [spec] = house.generator.specs
    assert (spec.max_tokens, spec.stop, spec.logprobs) == (5, ("a", "b"), 0)
    assert spec.sampling == Sampling(**sampling)


async def test_a_version_of_a_model(house: House) -> None:
    for path in ("generate", "generate_stream"):
        assert (await post(house, f"{TINY}/versions/1/{path}", text_input="x")).status_code == 200
        response = await post(house, f"{TINY}/versions/9/{path}", text_input="x")
        assert (response.status_code, list(response.json())) == (404, ["error"])
    assert [spec.model for spec in house.generator.specs] == ["tiny:1", "tiny:1"]
    assert (await post(house, "/v2/models/tiny@production/generate", text_input="x")).status_code == 200


async def test_a_stream(house: House) -> None:
    response = await post(house, f"{TINY}/generate_stream", text_input="x", id="r7")
    assert response.headers["content-type"].startswith("text/event-stream")
    head = HEAD | {"id": "r7"}
    assert [(kind, json.loads(data)) for kind, data in events(response.text)] == [
        ("message", {"text_output": "Pa", **head}),
        ("message", {"text_output": "ris", **head}),
        ("message", {"text_output": "", **head, "details": ENDING}),
    ]


async def test_with_details_each_token_is_an_event(house: House) -> None:
    both = (Token(1, "Pa", -0.5), Token(2, "ris", -0.1))
    house.generator.chunks = [Chunk("Paris", both, finish())]
    response = await post(house, f"{TINY}/generate_stream", text_input="x", parameters={"details": True})
    shown = [json.loads(data) for _, data in events(response.text)]
    assert [each["text_output"] for each in shown] == ["Pa", "ris", ""]
    assert shown[0]["details"] == {"token": {"id": 1, "text": "Pa", "logprob": -0.5}}
    assert shown[-1]["details"] == ENDING


async def test_a_stream_that_fails_says_so_and_ends(house: House) -> None:
    house.generator.error, house.generator.error_after = Unavailable("the engine stopped"), 1
    response = await post(house, f"{TINY}/generate_stream", text_input="x")
    assert json.loads(events(response.text)[-1][1]) == {"error": "the engine stopped"}
    house.generator.error, house.generator.error_after = Overloaded("full", retry_after_seconds=3), 0
    response = await post(house, f"{TINY}/generate_stream", text_input="x")
    assert (response.status_code, response.json()) == (429, {"error": "full"})
    assert response.headers["retry-after"] == "3"


@pytest.mark.parametrize(
    ("path", "body", "status", "named"),
    [
        (f"{TINY}/generate", {}, 400, "text_input"),
        (f"{TINY}/generate", {"text_input": ""}, 400, "text_input"),
        (f"{TINY}/generate", {"text_input": ["x"]}, 400, "text_input"),
        (f"{TINY}/generate", {"text_input": "x", "stream": True}, 400, "stream"),
        (f"{TINY}/generate", {"text_input": "x", "id": "a\nb"}, 400, "id"),
        (f"{TINY}/generate", {"text_input": "x", "parameters": {"beams": 4}}, 400, "parameters.beams"),
        (f"{TINY}/generate", {"text_input": "x", "parameters": {"top_p": 2}}, 400, "top_p"),
        (f"{TINY}/generate", {"text_input": "x" * (256 * 1024 + 1)}, 413, "262144"),
        ("/v2/models/nobody/generate", {"text_input": "x"}, 404, "nobody"),
        ("/v2/models/No%20Body/generate", {"text_input": "x"}, 400, "model"),
        (f"{TINY}/infer", {"text_input": "x"}, 404, "nothing here"),
    ],
)
async def test_refusals_have_the_protocols_shape(
    house: House, path: str, body: dict[str, Any], status: int, named: str
) -> None:
    response = await post(house, path, **body)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert named in response.json()["error"]
    assert not house.generator.specs


async def test_what_is_not_json_or_not_allowed_too(house: House, client: httpx.AsyncClient) -> None:
    assert list((await client.post(f"{TINY}/generate", content=b"x")).json()) == ["error"]
    response = await client.delete(TINY)
    assert (response.status_code, list(response.json())) == (405, ["error"])
