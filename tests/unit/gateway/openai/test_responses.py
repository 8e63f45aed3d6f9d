"""``POST /v1/responses``, asked with OpenAI's own client, and to the letter where that is not enough."""

import json
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from colonnade.errors import Overloaded, Unavailable
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.generation import Chunk, Message, Rival, Sampling, Token
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.domain.tools import ToolCall
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import BASE, House, events, finish

PATH = "/v1/responses"
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'
ASKED, CALLED = {"role": "user", "content": "x"}, {"type": "function_call", "name": "f", "arguments": "{}"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "null"}}}
WEATHER: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


@pytest.fixture
async def official(house: House, client: httpx.AsyncClient) -> AsyncOpenAI:
    local = Caller(Principal("local", "local", frozenset({Role.ADMIN})), "test")
    key = await house.keys.create(local, KeyOrder("local", frozenset({Role.ADMIN})))
    http: Any = client
    return AsyncOpenAI(base_url=f"{BASE}/v1", api_key=key.secret, http_client=http, max_retries=0)


async def asked(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post(PATH, json={"model": "tiny", "input": "Hello"} | body)


async def test_a_text(house: House, official: AsyncOpenAI) -> None:
    house.generator.chunks[-1] = Chunk("ris", (), finish("stop"))
    response = await official.responses.create(model="tiny", input="The capital of France?", user="ann")
    assert response.output_text == "Paris"
    assert (response.status, response.model) == ("completed", "tiny:1")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 2)
    [spec] = house.generator.specs
    assert spec.messages == (Message("user", "The capital of France?"),)
    assert (spec.user, spec.max_tokens) == ("ann", 2048)
    assert (spec.sampling.temperature, spec.sampling.top_k, spec.sampling.top_p) == (1.0, 0, 1.0)


async def test_the_events_of_a_stream_in_their_order(house: House, client: httpx.AsyncClient) -> None:
    house.generator.chunks[-1] = Chunk("ris", (), finish("stop"))
    reply = await asked(client, stream=True)
    shown = [(kind, json.loads(data)) for kind, data in events(reply.text)]
    assert [kind for kind, _ in shown] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["type"] for _, event in shown] == [kind for kind, _ in shown]
    assert [event["sequence_number"] for _, event in shown] == list(range(10))
    last = shown[-1][1]["response"]
    whole = (await asked(client)).json()
    told = [[item["content"] for item in each["output"]] for each in (last, whole)]
    assert told[0] == told[1]
    assert last.keys() == whole.keys()


async def test_the_official_clients_stream(house: House, official: AsyncOpenAI) -> None:
    house.generator.chunks[-1] = Chunk("ris", (), finish("stop"))
    deltas = []
    async with official.responses.stream(model="tiny", input="Hello") as stream:
        async for event in stream:
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)
        final = await stream.get_final_response()
    assert (deltas, final.output_text, final.status) == (["Pa", "ris"], "Paris", "completed")


async def test_an_answer_that_was_cut_is_incomplete(house: House, official: AsyncOpenAI) -> None:
    response = await official.responses.create(model="tiny", input="Hello", max_output_tokens=2)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert house.generator.specs[0].max_tokens == 2
    stream = await official.responses.create(model="tiny", input="Hello", stream=True)
    assert [event.type async for event in stream][-1] == "response.incomplete"


async def test_an_answer_that_was_late_has_failed(house: House, client: httpx.AsyncClient) -> None:
    house.generator.chunks = [Chunk("", finish=finish("deadline"))]
    response = (await asked(client)).json()
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert response["output"][0]["content"][0]["text"] == ""


async def test_a_conversation_of_items(house: House, official: AsyncOpenAI) -> None:
    first = await official.responses.create(model="tiny", input="Hello")
    await official.responses.create(
        model="tiny",
        instructions="Be brief.",
        input=[
            {"role": "developer", "content": "Be kind."},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
            },
            *[item.model_dump(exclude_none=True) for item in first.output],  # type: ignore[list-item]
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        ],
        tools=[WEATHER],
    )
    calls = (ToolCall("c1", "weather", "{}"), ToolCall("c2", "weather", "{}"))
    assert house.generator.specs[-1].messages == (
        Message("system", "Be brief."),
        Message("system", "Be kind."),
        Message("user", "ab"),
        Message("assistant", "Paris", tool_calls=calls),
        Message("tool", "sunny", tool_call_id="c1"),
    )


async def test_a_function_is_called_and_its_output_answered(house: House, official: AsyncOpenAI) -> None:
    house.generator.chunks = [Chunk("Let me see. "), Chunk(CALL), Chunk("", (), finish("stop"))]
    first: Any = await official.responses.create(model="tiny", input="In Rome?", tools=[WEATHER])
    assert first.status == "completed"
    said, call = first.output
    assert (said.type, call.type) == ("message", "function_call")
    assert (call.name, json.loads(call.arguments), call.status) == ("weather", {"city": "Rome"}, "completed")
    house.generator.chunks = [Chunk("Sunny."), Chunk("", (), finish("stop"))]
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
    last: Any = await official.responses.create(
        model="tiny",
        input=[{"role": "user", "content": "In Rome?"}, *first.output, output],
        tools=[WEATHER],
    )
    assert (last.output_text, [item.type for item in last.output]) == ("Sunny.", ["message"])
    assert house.generator.specs[-1].messages == (
        Message("user", "In Rome?"),
        Message(
            "assistant",
            "Let me see.",
            tool_calls=(ToolCall(call.call_id, "weather", '{"city": "Rome"}'),),
        ),
        Message("tool", "sun", tool_call_id=call.call_id),
    )


async def test_the_events_of_calls_in_their_order(house: House, official: AsyncOpenAI) -> None:
    house.generator.chunks = [*(Chunk(piece) for piece in f"{CALL}\n{CALL}"), Chunk("", (), finish("stop"))]
    stream: Any = await official.responses.create(model="tiny", input="x", tools=[WEATHER], stream=True)
    seen = [event async for event in stream]
    one = [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ]
    kinds = [event.type for at, event in enumerate(seen) if at == 0 or event.type != seen[at - 1].type]
    assert kinds == ["response.created", "response.in_progress", *one, *one, "response.completed"]
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    for index in (0, 1):
        parts = [
            event.delta
            for event in seen
            if event.type == "response.function_call_arguments.delta" and event.output_index == index
        ]
        assert len(parts) > 2
        assert json.loads("".join(parts)) == {"city": "Rome"}
    last = seen[-1]
    assert last.type == "response.completed"
    assert len({item.call_id for item in last.response.output if item.type == "function_call"}) == 2


async def test_a_call_that_was_cut_is_incomplete(house: House, official: AsyncOpenAI) -> None:
    house.generator.chunks = [Chunk(CALL[:-25]), Chunk("", (), finish("length"))]
    answer: Any = await official.responses.create(model="tiny", input="x", tools=[WEATHER])
    [call] = answer.output
    assert (answer.status, call.type) == ("incomplete", "function_call")
    assert call.status == "incomplete"


async def test_everything_that_can_be_asked(house: House, client: httpx.AsyncClient) -> None:
    ours = {"top_k": 7, "min_p": 0.1, "repetition_penalty": 1.1, "seed": 9, "stop": "x"}
    harmless = {
        "store": False, "metadata": {"a": "b"}, "truncation": "disabled", "background": False,
        "service_tier": "auto", "prompt_cache_key": "k", "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": None}, "stream_options": {"include_obfuscation": False},
    }  # fmt: skip
    form = {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}}
    body = {"temperature": 0.5, "top_p": 0.6, "text": form} | ours | harmless
    answer = (await asked(client, **body)).json()
    [spec] = house.generator.specs
    assert spec.sampling == Sampling(0.5, 7, 0.6, 0.1, 1.1, 9)
    assert (spec.stop, spec.structure) == (("x",), Structure(json_schema=json.dumps(SCHEMA)))
    assert (answer["metadata"], answer["text"], answer["temperature"]) == ({"a": "b"}, form, 0.5)
    await asked(client, text={"format": {"type": "json_object"}})
    assert house.generator.specs[-1].structure == Structure(json_object=True)


async def test_log_probabilities(house: House, client: httpx.AsyncClient) -> None:
    token = Token(1, "Paris", -0.5, (Rival(2, "Lyon", -1.5),))
    house.generator.chunks = [Chunk("Paris", (token,), finish("stop"))]
    body = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
    answer = (await asked(client, **body)).json()
    [shown] = answer["output"][0]["content"][0]["logprobs"]
    assert (shown["token"], shown["logprob"], shown["top_logprobs"][0]["token"]) == ("Paris", -0.5, "Lyon")
    assert house.generator.specs[0].logprobs == 1


async def test_what_goes_wrong_on_the_way(house: House, official: AsyncOpenAI) -> None:
    house.generator.error, house.generator.error_after = Unavailable("the engine stopped"), 1
    stream = await official.responses.create(model="tiny", input="Hello", stream=True)
    *_, last = [event async for event in stream]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.error.code, last.response.error.message) == ("server_error", "the engine stopped")
    assert last.response.output_text == "Pa"
    house.generator.error, house.generator.error_after = Overloaded("full", retry_after_seconds=1), 0
    with pytest.raises(openai.RateLimitError, match="full"):
        await official.responses.create(model="tiny", input="Hello", stream=True)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"store": True}, 400, "store"),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id"),
        ({"conversation": "c"}, 400, "conversation"),
        ({"background": True}, 400, "background"),
        ({"input": 7}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": ["x"]}, 400, "input[0]"),
        ({"input": [{"role": "root", "content": "x"}]}, 400, "input[0].role"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            400,
            "input[0].content[0].type",
        ),
        ({"input": [{"type": "item_reference", "id": "x"}]}, 400, "input[0].type"),
        ({"input": [{"type": ["x"]}]}, 400, "input[0].type"),
        ({"input": [{"role": "user", "content": "x", "weight": 1}]}, 400, "input[0]"),
        ({"input": [{"type": "function_call", "call_id": 7}]}, 400, "input[0].call_id"),
        ({"instructions": "a", "input": [{"role": "user", "content": ""}]}, 400, "input[0].content"),
        ({"input": [ASKED, CALLED | {"call_id": ""}]}, 400, "input[1].call_id"),
        ({"input": [ASKED, CALLED, CALLED | {"call_id": "c"}]}, 400, "input[1].call_id"),
        (
            {"input": [ASKED, CALLED | {"call_id": "c"}, CALLED | {"call_id": "d", "name": ""}]},
            400,
            "input[2].name",
        ),
        (
            {"input": [ASKED, {"type": "function_call_output", "call_id": "", "output": "x"}]},
            400,
            "input[1].call_id",
        ),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, 400, "input[0].output"),
        ({"tools": [WEATHER | {"name": "a b"}]}, 400, "tools[0].name"),
        ({"tools": [WEATHER, WEATHER]}, 400, "tools"),
        ({"tool_choice": {"type": "function", "name": "other"}, "tools": [WEATHER]}, 400, "tool_choice"),
        ({"max_output_tokens": 0}, 400, "max_output_tokens"),
        ({"temperature": 3}, 400, "temperature"),
        ({"top_logprobs": 3}, 400, "top_logprobs"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, 400, "text.format.schema"),
        ({"tools": [{"type": "web_search"}]}, 400, "tools[0].type"),
        ({"tool_choice": "always"}, 400, "tool_choice"),
        ({"temprature": 1}, 400, "temprature"),
        ({"model": "nobody"}, 404, "model"),
    ],
)
async def test_refusals_name_the_field(
    house: House, client: httpx.AsyncClient, body: dict[str, Any], status: int, param: str
) -> None:
    reply = await asked(client, **body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, param), reply.text
    assert not house.generator.specs


async def test_a_reference_to_what_was_said_names_the_remedy(official: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="send the whole conversation in input"):
        await official.responses.create(model="tiny", input="x", previous_response_id="resp_1")
