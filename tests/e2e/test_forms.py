"""Structured answers and several answers through the public door of a running platform."""

import json
import re
from typing import Any

import jsonschema
import pytest

from colonnade.client import Colonnade
from tests.harness.platform import Platform

SCHEMA = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "kind": {"enum": ["a", "b"]},
        "tags": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 99}, "maxItems": 3},
    },
    "required": ["ok", "kind", "tags"],
    "additionalProperties": False,
}
ASK: dict[str, Any] = {"prompt": "The quick brown", "max_tokens": 120, "temperature": 1.0, "seed": 5}


def test_every_answer_is_a_document_of_the_schema(platform: Platform) -> None:
    form = {"structure": {"json_schema": SCHEMA}, "n": 4, "logprobs": 1, "max_tokens": 400}
    with platform.client() as http:
        reply = http.post("/generate", json=ASK | form)
    body = reply.json()
    assert reply.status_code == 200, body
    ended = [choice for choice in body["choices"] if choice["finish_reason"] == "stop"]
    assert ended, body
    for choice in ended:
        jsonschema.validate(json.loads(choice["text"]), SCHEMA)
    assert [choice["seed"] for choice in body["choices"]] == [5, 6, 7, 8]
    assert body["usage"]["prompt_tokens"] < 20, "the prompt is counted once"
    assert body["usage"]["completion_tokens"] == sum(len(choice["logprobs"]) for choice in body["choices"])


def test_answers_of_a_stream_are_those_of_the_whole_and_of_their_seeds(platform: Platform) -> None:
    form = {"regex": "[a-z]{4}[.!?]"}
    with Colonnade(platform.url) as client:
        whole = client.generate(**ASK, structure=form, n=3)
        stream = client.stream(**ASK, structure=form, n=3)
        texts = dict.fromkeys(range(3), "")
        for chunk in stream:
            texts[chunk.index] += chunk.text
        third = client.generate(**ASK | {"seed": 7}, structure=form)
    assert [choice.text for choice in whole.choices] == list(texts.values())
    assert stream.result.choices == whole.choices
    assert third.text == whole.choices[2].text
    assert all(re.fullmatch(form["regex"], text) for text in texts.values())


def test_penalties_and_bias_change_the_answer(platform: Platform) -> None:
    plain = ASK | {"temperature": 0, "max_tokens": 24, "logprobs": 0}
    with platform.client() as http:
        first = http.post("/generate", json=plain).json()["logprobs"][0]["id"]
        barred = http.post("/generate", json=plain | {"logit_bias": {str(first): -100}}).json()
        varied = http.post("/generate", json=plain | {"frequency_penalty": 2, "presence_penalty": 2}).json()
        repeated = http.post("/generate", json=plain | {"frequency_penalty": -2}).json()
    assert first not in {token["id"] for token in barred["logprobs"]}
    assert _distinct(varied) >= _distinct(repeated)


def _distinct(answer: Any) -> int:
    return len({token["id"] for token in answer["logprobs"]})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"structure": {"json_schema": {"not": {}}}}, "structure.json_schema"),
        ({"structure": {"regex": "("}}, "structure.regex"),
        ({"structure": {"grammar": "nonsense"}}, "structure.grammar"),
        ({"logit_bias": {"999999": 1}}, "logit_bias"),
        ({"n": 17}, "n"),
    ],
    ids=["schema", "regex", "grammar", "bias", "n"],
)
def test_a_refusal_names_the_field_with_the_reason(
    platform: Platform, change: dict[str, Any], field: str
) -> None:
    with platform.client() as http:
        reply = http.post("/generate", json=ASK | change)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["details"]["field"] == field
