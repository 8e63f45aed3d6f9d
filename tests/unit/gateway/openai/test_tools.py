"""``tools``: what is asked of the model, and its calls in the answer."""

import json
from typing import Any

import httpx
import pytest

from colonnade.gateway.adapters.inference import generation_of
from colonnade.gateway.domain.generation import Chunk, Token
from colonnade.gateway.domain.tools import Tool, ToolChoice
from tests.unit.gateway.fakes import House, events, finish, target

PATH = "/v1/chat/completions"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Of a city.", "parameters": SCHEMA},
}
NOW = {"type": "function", "function": {"name": "now"}}
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'


def said(*pieces: str, reason: str = "stop") -> list[Chunk]:
    chunks = [Chunk(piece, (Token(1, piece),)) for piece in pieces]
    return [*chunks, Chunk("", (), finish(reason))]


async def test_a_call_in_a_whole_answer(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    house.generator.chunks = said("Let me ", "see.\n<tool", CALL[5:])
    (choice,) = (await client.post(PATH, json=chat | {"tools": [WEATHER]})).json()["choices"]
    (call,) = choice["message"].pop("tool_calls")
    assert choice["message"] == {"role": "assistant", "content": "Let me see.", "refusal": None}
    assert call.pop("id").startswith("call_")
    assert call == {"type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    assert choice["finish_reason"] == "tool_calls"


async def test_calls_in_a_stream(house: House, client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    house.generator.chunks = said(*f"{CALL}\n{CALL}")
    reply = await client.post(PATH, json=chat | {"tools": [WEATHER], "stream": True})
    choices = [json.loads(data)["choices"][0] for _, data in events(reply.text)[:-1]]
    first, *_, last = choices
    assert first["delta"] == {"role": "assistant", "content": None, "refusal": None} | {
        "tool_calls": [
            {
                "index": 0,
                "id": first["delta"]["tool_calls"][0]["id"],
                "type": "function",
                "function": {"name": "weather", "arguments": "{"},
            }
        ]
    }
    assert (last["delta"], last["finish_reason"]) == ({}, "tool_calls")
    parts = [part for choice in choices for part in choice["delta"].get("tool_calls", ())]
    assert sum("id" in part for part in parts) == len({part.get("id") for part in parts}) - 1 == 2
    for index in (0, 1):
        pieces = [part["function"]["arguments"] for part in parts if part["index"] == index]
        assert "".join(pieces) == '{"city": "Rome"}'
    assert not any(choice["delta"].get("content") for choice in choices)


async def test_a_call_that_is_cut_off(house: House, client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    house.generator.chunks = said(CALL[:-25], reason="length")
    (choice,) = (await client.post(PATH, json=chat | {"tools": [WEATHER]})).json()["choices"]
    assert choice["finish_reason"] == "length"
    assert '{"city": "Rome"}'.startswith(choice["message"]["tool_calls"][0]["function"]["arguments"])


async def test_without_tools_a_call_is_text(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    house.generator.chunks = said(CALL)
    asked: list[dict[str, Any]] = [{}, {"tools": [WEATHER], "tool_choice": "none"}]
    for change in asked:
        (choice,) = (await client.post(PATH, json=chat | change)).json()["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == (CALL, "stop")


@pytest.mark.parametrize(
    ("change", "names", "required", "many"),
    [
        ({}, ["weather", "now"], False, True),
        ({"tool_choice": "auto", "parallel_tool_calls": False}, ["weather", "now"], False, False),
        ({"tool_choice": "required"}, ["weather", "now"], True, True),
        ({"tool_choice": {"type": "function", "function": {"name": "now"}}}, ["now"], True, False),
    ],
    ids=["auto", "one at most", "required", "named"],
)
async def test_what_is_asked_of_the_engine(
    house: House,
    client: httpx.AsyncClient,
    chat: dict[str, Any],
    change: dict[str, Any],
    names: list[str],
    required: bool,
    many: bool,
) -> None:
    reply = await client.post(PATH, json=chat | {"tools": [WEATHER, NOW]} | change)
    assert reply.status_code == 200, reply.text
    (spec,), (caller,) = house.generator.specs, house.generator.callers
    sent = generation_of(caller, spec, target())
    assert [tool.name for tool in sent.chat.tools] == ["weather", "now"]
    calls = sent.structure.calls
    assert ([tool.name for tool in calls.tools], calls.required, calls.many) == (names, required, many)
    assert json.loads(sent.chat.tools[0].parameters) == SCHEMA


async def test_none_tells_of_no_tools(house: House, client: httpx.AsyncClient, chat: dict[str, Any]) -> None:
    await client.post(PATH, json=chat | {"tools": [WEATHER], "tool_choice": "none"})
    (spec,), (caller,) = house.generator.specs, house.generator.callers
    assert spec.tools == (Tool("weather", "Of a city.", json.dumps(SCHEMA)),)
    assert spec.tool_choice == ToolChoice("none")
    sent = generation_of(caller, spec, target())
    assert not sent.chat.tools
    assert not sent.HasField("structure")


async def test_the_text_may_have_a_form_beside(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any]
) -> None:
    await client.post(PATH, json=chat | {"tools": [NOW], "response_format": {"type": "json_object"}})
    (spec,), (caller,) = house.generator.specs, house.generator.callers
    assert generation_of(caller, spec, target()).structure.calls.text_schema == '{"type": "object"}'


def _tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": function}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tools": [_tool(name="a b")]}, "tools[0].function.name"),
        ({"tools": [_tool(name="x" * 65)]}, "tools[0].function.name"),
        ({"tools": [_tool(description="x")]}, "tools[0].function.name"),
        ({"tools": [_tool(name="f", parameters={"type": "array"})]}, "tools[0].function.parameters"),
        ({"tools": [_tool(name="f", parameters=[])]}, "tools[0].function.parameters"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0].type"),
        ({"tools": [NOW, NOW]}, "tools"),
        ({"tools": [_tool(name=f"f{at}") for at in range(129)]}, "tools"),
        ({"tools": [NOW], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [NOW], "tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tools": [NOW], "tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [NOW], "structure": {"regex": "a"}}, "structure"),
    ],
    ids=[
        "name", "long name", "no name", "an array", "a list", "custom", "twice", "many", "choice",
        "no function", "an unknown function", "required without", "a form",
    ],
)  # fmt: skip
async def test_refusals(
    house: House, client: httpx.AsyncClient, chat: dict[str, Any], change: dict[str, Any], param: str
) -> None:
    reply = await client.post(PATH, json=chat | change)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
    assert not house.generator.specs
