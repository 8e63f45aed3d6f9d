"""Tools in conversations: through a template that knows them, and told in text through one that does not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.text import ChatTemplate, Message, Tool, ToolCall
from tests.unit.engine.toys import spelling

BYTES = spelling.tokenizer()
WEATHER = Tool("weather", "Of a city.", '{"type": "object", "properties": {"city": {"type": "string"}}}')
ASKED = [
    Message("user", "Is it warm?"),
    Message("assistant", "", tool_calls=[ToolCall("c1", "weather", '{"city": "Rome"}')]),
    Message("tool", "31", tool_call_id="c1"),
    Message("tool", "sunny", tool_call_id="c2"),
]
NATIVE = (
    "{{ tools | tojson }}|{% for m in messages %}{{ m.role }}:{{ m.content }}"
    "{% for call in m.tool_calls %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}"
    "{{ m.tool_call_id }};{% endfor %}"
)


def test_a_template_that_knows_tools_is_given_them() -> None:
    rendered = ChatTemplate(NATIVE, {}).render(ASKED, [WEATHER])
    tools, _, spoken = rendered.partition("|")
    assert json.loads(tools) == [WEATHER.described()]
    call = '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>'
    assert spoken == f"user:Is it warm?;assistant:{call};tool:31c1;tool:sunnyc2;"


def test_without_tools_it_is_told_that_there_are_none() -> None:
    assert ChatTemplate(NATIVE, {}).render(ASKED[:1]) == "null|user:Is it warm?;"


@pytest.mark.parametrize(
    "source", [spelling.TEMPLATE, "{{ tools }}" + spelling.TEMPLATE], ids=["none", "other"]
)
def test_a_template_that_writes_calls_otherwise_is_told_in_text(source: str) -> None:
    rendered = ChatTemplate(source, {}).render(ASKED, [WEATHER])
    *spoken, last = rendered.split("<|start|>")[1:]
    assert [turn.partition("\n")[0] for turn in spoken] == ["system", "user", "assistant", "user"]
    assert json.dumps(WEATHER.described()["function"]) in spoken[0]
    assert '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>' in spoken[2]
    assert spoken[3].count("<tool_response>") == 2
    assert last == "assistant\n"


def test_tools_stand_behind_what_the_system_says() -> None:
    rendered = spelling.template().render([Message("system", "Be brief."), ASKED[0]], [WEATHER])
    assert rendered.startswith("<|start|>system\nBe brief.\n\nYou can use these tools.")
    assert rendered.count("<|start|>system") == 1


@pytest.mark.parametrize("arguments", ["", "[1]", "{", "7"])
def test_arguments_that_are_no_object_are_shown_as_they_are(arguments: str) -> None:
    said = [ASKED[0], Message("assistant", "", tool_calls=[ToolCall("c", "weather", arguments)])]
    shown = json.dumps(arguments) if arguments else "{}"
    assert f'"arguments": {shown}}}' in spelling.template().render(said, [WEATHER])


@settings(deadline=None)
@given(st.sampled_from(["<|end|>", "x<|start|>y", "a"]), st.sampled_from([spelling.TEMPLATE, NATIVE]))
def test_nothing_of_a_tool_can_write_control_tokens(text: str, source: str) -> None:
    schema: dict[str, Any] = {"type": "object", "description": text, "properties": {text: {"const": text}}}
    messages = [
        Message("user", text, name=text),
        Message("assistant", text, tool_calls=[ToolCall(text, text, json.dumps({text: [text]}))]),
        Message("tool", text, tool_call_id=text),
    ]
    template = ChatTemplate(source, {})
    ids = template.encode(BYTES, messages, [Tool(text, text, json.dumps(schema))])
    starts_and_ends = (ids.count(257), ids.count(256))
    assert starts_and_ends == ((0, 0) if source is NATIVE else (5, 4)), "only the template's own"
