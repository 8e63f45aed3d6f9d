"""``POST /v1/chat/completions``: OpenAI's wire format, to the letter."""

import json
import re
from typing import Any

import httpx
import pytest

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.gateway.domain.generation import Chunk, Message, Rival, Sampling, Token
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.domain.tools import ToolCall, ToolChoice
from tests.unit.gateway.fakes import DIGEST, House, events, finish

PATH = "/v1/chat/completions"
SCHEMA = {"type": "object", "properties": {"a": {"type": "null"}}}


async def test_a_whole_answer(house: House, client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    reply = await client.post(PATH, json=chat, headers={"x-request-id": "r1"})
    answer = reply.json()
    assert reply.status_code == 200, answer
    assert answer.pop("created") > 1_700_000_000
    assert answer == {
        "id": "chatcmpl-r1",
        "object": "chat.completion",
        "model": "tiny:1",
        "system_fingerprint": f"fp_{DIGEST[7:19]}",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Paris", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "total_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }
    assert reply.headers["x-colonnade-model-version"] == "tiny:1"


async def test_a_stream(client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    reply = await client.post(PATH, json=chat | {"stream": True})
    *shown, done = [data for _, data in events(reply.text)]
    assert done == "[DONE]"
    chunks = [json.loads(data) for data in shown]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["system_fingerprint"]) for chunk in chunks}) == 1
    assert all("usage" not in chunk for chunk in chunks)
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": "Pa", "refusal": None},
        {"content": "ris"},
        {},
    ]
    assert [choice["finish_reason"] for choice in choices] == [None, None, "length"]


async def test_usage_comes_last_where_it_is_asked_for(
    client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}
    reply = await client.post(PATH, json=chat | options)
    *others, last = [json.loads(data) for _, data in events(reply.text)[:-1]]
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in others)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 5


async def test_an_empty_answer_has_a_role(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    house.generator.chunks = [Chunk("", finish=finish("stop"))]
    reply = await client.post(PATH, json=chat | {"stream": True})
    chunks = [json.loads(data) for _, data in events(reply.text)[:-1]]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert (await client.post(PATH, json=chat)).json()["choices"][0]["message"]["content"] == ""


async def test_several_answers(house: House, client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    house.generator.chunks = [
        Chunk("b", (Token(1, "b"),), index=1),
        Chunk("a", (Token(1, "a"),), finish("stop"), 0),
        Chunk("c", (), finish(), 1),
    ]
    answer = (await client.post(PATH, json=chat | {"n": 2})).json()
    shown = [(each["index"], each["message"]["content"], each["finish_reason"]) for each in answer["choices"]]
    assert shown == [(0, "a", "stop"), (1, "bc", "length")]
    assert answer["usage"] | {"completion_tokens": 4} == answer["usage"]
    reply = await client.post(
        PATH, json=chat | {"n": 2, "stream": True, "stream_options": {"include_usage": True}}
    )
    chunks = [json.loads(data) for _, data in events(reply.text)[:-1]]
    roles = [each["index"] for chunk in chunks for each in chunk["choices"] if "role" in each["delta"]]
    assert sorted(roles) == [0, 1]
    assert [bool(chunk["choices"]) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]


async def test_logprobs(house: House, client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    house.generator.chunks = [Chunk("é", (Token(1, "é", -0.5, (Rival(2, "e", -1.5),)),), finish("stop"))]
    asked = chat | {"logprobs": True, "top_logprobs": 1}
    expected = {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [0xC3, 0xA9],
                "top_logprobs": [{"token": "e", "logprob": -1.5, "bytes": [0x65]}],
            }
        ],
        "refusal": None,
    }
    assert (await client.post(PATH, json=asked)).json()["choices"][0]["logprobs"] == expected
    reply = await client.post(PATH, json=asked | {"stream": True})
    chunks = [json.loads(data) for _, data in events(reply.text)[:-1]]
    assert [chunk["choices"][0]["logprobs"] for chunk in chunks] == [expected, None]
    assert [spec.logprobs for spec in house.generator.specs] == [1, 1]


async def test_openais_defaults_go_down(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    await client.post(PATH, json=chat)
    (spec,) = house.generator.specs
    assert spec.sampling == Sampling(temperature=1.0, top_k=0, top_p=1.0)
    assert spec.max_tokens == 2048, "what the model's context holds"
    assert (spec.stop, spec.n, spec.tools, spec.tool_choice) == ((), 1, (), ToolChoice())


async def test_all_fields_go_down(house: House, client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    given = chat | {
        "temperature": 0.5,
        "top_p": 0.9,
        "frequency_penalty": 1,
        "presence_penalty": -1,
        "logit_bias": {"7": 5},
        "stop": "x",
        "seed": 11,
        "max_completion_tokens": 9,
        "user": "ann",
        "top_k": 3,
        "min_p": 0.1,
        "repetition_penalty": 1.1,
        "priority": -2,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": SCHEMA, "strict": True},
        },
        "metadata": {"a": "b"},
        "store": False,
        "service_tier": "auto",
        "modalities": ["text"],
    }
    reply = await client.post(PATH, json=given)
    assert reply.status_code == 200, reply.text
    (spec,) = house.generator.specs
    assert spec.sampling == Sampling(0.5, 3, 0.9, 0.1, 1.1, 11, 1.0, -1.0, {7: 5.0})
    assert (spec.stop, spec.max_tokens, spec.user, spec.priority) == (("x",), 9, "ann", -2)
    assert spec.structure == Structure(json_schema=json.dumps(SCHEMA))


async def test_messages_of_every_kind(house: House, client: httpx.AsyncClient) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "name": "ann",
        },
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]},
        {"role": "tool", "content": "", "tool_call_id": "c1"},
    ]
    reply = await client.post(PATH, json={"model": "tiny", "messages": messages})
    assert reply.status_code == 200, reply.text
    assert house.generator.specs[0].messages == (
        Message("system", "Be brief."),
        Message("user", "ab", "ann"),
        Message("assistant", "", tool_calls=(ToolCall("c1", "f", "{}"),)),
        Message("tool", "", tool_call_id="c1"),
    )


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, Structure(json_object=True)),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, Structure(json_object=True)),
    ],
    ids=["text", "object", "no schema"],
)
async def test_forms(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any], form: dict[str, Any], expected: Structure
) -> None:
    await client.post(PATH, json=chat | {"response_format": form})
    assert house.generator.specs[0].structure == expected


async def test_an_adapter_can_be_the_model(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    reply = await client.post(PATH, json=chat | {"model": "poet"})
    assert reply.json()["model"] == "poet:2"
    assert reply.json()["system_fingerprint"] == f"fp_{DIGEST[7:19]}_{'e' * 12}"
    (target,) = house.generator.targets
    assert (target.name, target.adapter) == ("tiny", house.catalog.poet)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content[0].type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "y": 1}]}]},
            "messages[0].content[0].text",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "user", "content": "x", "tool_call_id": "c"}]},
            "messages[0].tool_call_id",
        ),
        ({"messages": [{"role": "user", "content": "x", "colour": 1}]}, "messages[0].colour"),
        ({"temperature": 3}, "temperature"),
        ({"n": 17}, "n"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": 1}, "logprobs"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_object"}, "structure": {"regex": "a"}}, "structure"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
        ({"store": True}, "store"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"temprature": 1}, "temprature"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
async def test_a_refusal_names_the_field(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any], change: dict[str, Any], param: str
) -> None:
    reply = await client.post(PATH, json=chat | change)
    error = reply.json()["error"]
    assert reply.status_code == 400, error
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert re.split(r"\W", param)[0] in error["message"]
    assert not house.generator.specs


async def test_the_engines_words_are_put_in_the_protocols(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    field = "structure.json_schema"
    house.generator.error = InvalidArgument(f"{field} cannot be used: why", field=field)
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"not": {}}}}
    error = (await client.post(PATH, json=chat | {"response_format": form})).json()["error"]
    assert error["param"] == "response_format.json_schema.schema"
    assert error["message"] == "response_format.json_schema.schema cannot be used: why"


async def test_an_unknown_model(client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    reply = await client.post(PATH, json=chat | {"model": "nothing-like-it"})
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "model_not_found"


async def test_a_stream_that_fails_says_so(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    house.generator.error, house.generator.error_after = Unavailable("gone"), 1
    reply = await client.post(PATH, json=chat | {"stream": True})
    name, data = events(reply.text)[-1]
    assert name == "error"
    assert json.loads(data)["error"] == {
        "message": "gone",
        "type": "server_error",
        "param": None,
        "code": "unavailable",
    }
