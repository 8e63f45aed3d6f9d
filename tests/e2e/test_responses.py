"""OpenAI's Responses API on a running platform, asked with nothing but the official client."""

import json
from collections.abc import Iterator
from typing import Any, cast

import httpx
import openai
import pytest
from openai import OpenAI

from tests.harness.platform import Platform

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "Of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Rome", "Oslo"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
CALLS: Any = {
    "model": "tiny",
    "tools": [WEATHER],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "max_output_tokens": 300,
}


@pytest.fixture
def client(platform: Platform) -> Iterator[OpenAI]:
    """The platform has no keys, and the client insists on one: its header is taken away."""
    hooks = {"request": [lambda request: request.headers.pop("authorization", None)]}
    with httpx.Client(event_hooks=hooks, timeout=120, trust_env=False) as http:
        yield OpenAI(
            base_url=f"{platform.url}/v1", api_key="none", max_retries=0, http_client=cast("Any", http)
        )


def test_whole_and_streamed_are_the_same(client: OpenAI) -> None:
    asked = {"model": "tiny", "input": "The quick brown fox", "max_output_tokens": 12, "temperature": 0.0}
    whole = client.responses.create(**asked)  # type: ignore[call-overload]
    stream = client.responses.create(**asked, stream=True)  # type: ignore[call-overload]
    seen = list(stream)
    last = seen[-1]
    assert last.type in ("response.completed", "response.incomplete")
    assert (
        "".join(event.delta for event in seen if event.type == "response.output_text.delta")
        == whole.output_text
    )
    assert last.response.output_text == whole.output_text
    assert last.response.status == whole.status
    assert last.response.usage.total_tokens == whole.usage.total_tokens
    assert whole.usage.output_tokens <= 12


def test_a_conversation_goes_on(client: OpenAI) -> None:
    first = client.responses.create(model="tiny", input="the cat", max_output_tokens=4)
    again = client.responses.create(
        model="tiny",
        input=[
            {"role": "user", "content": "the cat"},
            *first.output,  # type: ignore[list-item]
            {"role": "user", "content": "and then"},
        ],
        max_output_tokens=4,
    )
    assert first.usage is not None
    assert again.usage is not None
    assert again.usage.input_tokens > first.usage.input_tokens


def test_json_has_its_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "boolean"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    with client.responses.stream(
        model="tiny",
        input="x",
        text={"format": {"type": "json_schema", "name": "x", "schema": schema}},
    ) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_response()
    assert isinstance(json.loads(answer.output_text)["a"], bool)


def test_a_function_is_called_and_its_output_answered(client: OpenAI) -> None:
    first: Any = client.responses.create(**CALLS, input="the fox in Rome")
    [call] = [item for item in first.output if item.type == "function_call"]
    assert call.name == "weather"
    assert json.loads(call.arguments)["city"] in ("Rome", "Oslo")
    last: Any = client.responses.create(
        model="tiny",
        input=[{"role": "user", "content": "the fox in Rome"}, *first.output, _output(call.call_id)],
        tools=[WEATHER],
        tool_choice="none",
        max_output_tokens=8,
    )
    assert {item.type for item in last.output} == {"message"}
    alone: Any = client.responses.create(model="tiny", input="the fox in Rome", max_output_tokens=1)
    assert last.usage.input_tokens > alone.usage.input_tokens


def test_a_call_is_streamed_and_goes_on(client: OpenAI) -> None:
    pieces: list[str] = []
    with client.responses.stream(**CALLS, input="the fox") as stream:
        for event in stream:
            if event.type == "response.function_call_arguments.delta":
                pieces.append(event.delta)
        first: Any = stream.get_final_response()
    [call] = [item for item in first.output if item.type == "function_call"]
    assert "".join(pieces) == call.arguments
    assert call.status == "completed"
    again = client.responses.create(
        **CALLS, input=[{"role": "user", "content": "the fox"}, *first.output, _output(call.call_id)]
    )
    assert {item.type for item in again.output} == {"function_call"}


def test_functions_that_are_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"input\[0\].call_id"):
        client.responses.create(model="tiny", input=[_output("")])
    with pytest.raises(openai.BadRequestError, match=r"tools\[0\].name"):
        client.responses.create(model="tiny", input="x", tools=[WEATHER | {"name": "a b"}])
    choice: Any = {"type": "function", "name": "nobody"}
    with pytest.raises(openai.BadRequestError, match="nobody, which tools lacks"):
        client.responses.create(model="tiny", input="x", tools=[WEATHER], tool_choice=choice)


def _output(call_id: str) -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": "sunny"}


def test_refusals(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="send the whole conversation in input"):
        client.responses.create(model="tiny", input="x", previous_response_id="resp_1")
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="nobody", input="x")
