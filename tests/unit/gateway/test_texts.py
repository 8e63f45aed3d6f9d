"""``POST /embed`` and ``POST /score``."""

import json
from typing import Any

import pytest

from colonnade.errors import InvalidArgument, Overloaded, Unsupported
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.limits import MAX_SCORED, MAX_TEXTS
from colonnade.gateway.domain.texts import EmbeddingSpec, ScoreSpec
from tests.unit.gateway.fakes import House, target


@pytest.fixture
def house() -> House:
    return House()


async def post(house: House, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    async with house.client() as client:
        response = await client.post(path, json=body)
    if response.status_code == 200:
        assert response.headers["x-colonnade-model-version"] == "tiny:1"
    return response.status_code, response.json()


async def test_vectors_in_the_order_of_the_input(house: House) -> None:
    status, answer = await post(house, "/embed", input=["ab", "c"], model="tiny", truncate=True, user="ann")
    assert status == 200
    assert answer == {
        "data": [{"index": 0, "embedding": [0.6, 0.8]}, {"index": 1, "embedding": [0.6, 0.8]}],
        "model": {"name": "tiny", "version": 1, "digest": target().digest},
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    [(caller, spec, chosen)] = house.reader.asked
    assert spec == EmbeddingSpec(("ab", "c"), "tiny", truncate=True, user="ann")
    assert (caller.principal.subject, chosen) == ("ann", target())
    assert caller.deadline is not None


async def test_one_text_may_stand_alone(house: House) -> None:
    assert len((await post(house, "/embed", input="abc"))[1]["data"]) == 1
    assert len((await post(house, "/score", text="abc"))[1]["data"]) == 1


async def test_scores_token_by_token(house: House) -> None:
    status, answer = await post(house, "/score", text=["ab", "c"], context="xy", model_size="1M")
    assert status == 200
    tokens = [{"id": 97, "text": "a", "logprob": -0.5}, {"id": 98, "text": "b", "logprob": -0.5}]
    assert answer["data"][0] == {"index": 0, "tokens": tokens, "total_logprob": -1.0}
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    assert house.reader.asked[0][1] == ScoreSpec(("ab", "c"), "xy", model_size="1M")


async def test_who_asks_for_vectors_gets_a_model_made_for_them(house: House) -> None:
    await post(house, "/embed", input="a")
    await post(house, "/score", text="a")
    assert house.catalog.calls == [("resolve", "", "", "embeds"), ("resolve", "", "")]


async def test_an_adapter_has_a_part_in_either(house: House) -> None:
    for path, body in (("/embed", {"input": "a"}), ("/score", {"text": "a"})):
        status, answer = await post(house, path, adapter="poet", **body)
        assert (status, answer["model"]["adapter"]["name"]) == (200, "poet"), answer
        assert house.reader.asked[-1][2].adapter == house.catalog.poet
        status, answer = await post(house, path, adapter="No Name", **body)
        assert (status, answer["error"]["details"]["field"]) == (400, "adapter")


async def test_both_are_recorded_and_counted(house: House) -> None:
    await post(house, "/embed", input="abc")
    await post(house, "/score", text="abcd")
    house.reader.error = Unsupported("the model 'tiny' does not declare the capability 'embed'")
    await post(house, "/embed", input="abc")
    assert house.audit.seen == [("embed", "stop"), ("score", "stop"), ("embed", "unsupported")]
    facts = house.audit.records[0][3]
    assert (facts["prompt_tokens"], facts["completion_tokens"], facts["model"]) == (3, 0, "tiny")
    counted = {"gen_ai_operation_name": "embeddings", "gen_ai_token_type": "input"}
    samples = [
        sample.value
        for metric in house.metrics.collect()
        for sample in metric.samples
        if sample.name.startswith("gen_ai_client_token_usage") and sample.name.endswith("_sum")
        if counted.items() <= sample.labels.items()
    ]
    assert samples == [3]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/embed", {}, 400, "input"),
        ("/embed", {"input": []}, 400, "input"),
        ("/embed", {"input": ""}, 400, "input"),
        ("/embed", {"input": ["a", ""]}, 400, "input[1]"),
        ("/embed", {"input": ["a", 7]}, 400, "input[1]"),
        ("/embed", {"input": 7}, 400, "input"),
        ("/embed", {"input": ["a"] * (MAX_TEXTS + 1)}, 400, "input"),
        ("/embed", {"input": ["a", "x" * (256 * 1024 + 1)]}, 413, "input[1]"),
        ("/embed", {"input": "a", "truncate": 1}, 400, "truncate"),
        ("/embed", {"input": "a", "stream": True}, 400, "stream"),
        ("/embed", {"input": "a", "model": "tiny", "model_size": "1M"}, 400, "model_size"),
        ("/embed", {"input": "a", "model": "nobody"}, 404, "model"),
        ("/embed", {"input": "a", "model": "No Name"}, 400, "model"),
        ("/embed", {"input": "a", "user": "x" * 257}, 413, "user"),
        ("/score", {}, 400, "text"),
        ("/score", {"text": ["a"] * (MAX_SCORED + 1)}, 400, "text"),
        ("/score", {"text": "a", "context": "x" * (256 * 1024 + 1)}, 413, "context"),
        ("/score", {"text": "a", "context": ["b"]}, 400, "context"),
        ("/score", {"text": ["a", ""]}, 400, "text[1]"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_by_name(
    house: House, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    got, answer = await post(house, path, **body)
    assert (got, answer["error"]["details"]["field"]) == (status, field), answer
    assert not house.reader.asked
    assert (await post(house, "/embed", input="a"))[0] == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unsupported("does not declare the capability 'embed'", capability="embed"), 400),
        (InvalidArgument("input[0] has 300 tokens", field="input[0]", limit=256), 400),
        (Overloaded("full", retry_after_seconds=2), 429),
    ],
    ids=["capability", "length", "load"],
)
async def test_what_the_engine_refuses_is_passed_on(house: House, error: Any, status: int) -> None:
    house.reader.error = error
    got, answer = await post(house, "/embed", input="a")
    assert (got, answer["error"]["message"]) == (status, error.message)


def test_an_exchange_without_a_question_says_so() -> None:
    exchange = Exchange("id")
    with pytest.raises(LookupError):
        _ = exchange.wanted
    exchange.spec = EmbeddingSpec(("a",))
    with pytest.raises(LookupError):
        _ = exchange.asked
    exchange.spec = GenerationSpec(prompt="a")
    assert exchange.asked is exchange.wanted


async def test_the_document_describes_both(house: House) -> None:
    async with house.client() as client:
        document = json.loads((await client.get("/openapi.json")).text)
        page = (await client.get("/docs")).text
    for path, name in (("/embed", "EmbedBody"), ("/score", "ScoreBody")):
        schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith(name)
        assert path in page
