"""The form of calls: what it lets through, and which schemas it refuses."""

import json
from typing import Any

import pytest

from colonnade.engine.structure import Calls, Form, Grammars, Signature
from colonnade.errors import InvalidArgument, TooLarge
from tests.unit.engine.toys import spelling

END = 256
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 5}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = (Signature("weather", json.dumps(CITY)), Signature("now"))


def written(name: str = "weather", **arguments: Any) -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {json.dumps(arguments)}}}\n</tool_call>'


ROME = written(city="Rome")


def fits(calls: Calls, text: str) -> bool:
    """Whether the whole text is an answer."""
    tokenizer = spelling.tokenizer()
    matcher = Grammars(spelling.definition, 258, [END]).compile(calls.structure()).matcher()
    ids = tokenizer.encode(text, begin=False) if text else []
    allowed = [bool(matcher.allowed(ids[:at])[token]) for at, token in enumerate([*ids, END])]
    return all(allowed)


@pytest.mark.parametrize(
    ("text", "auto", "required", "one"),
    [
        ("", True, False, True),
        ("Let me see <tool_c", True, False, True),
        ("Let me see <tool_call>", False, False, False),
        ("<tool_call>nonsense", False, False, False),
        (ROME, True, True, True),
        (f"Let me see.\n{ROME}", True, False, True),
        (f"{ROME}\n{written('now')}", True, True, False),
        (f"{ROME} and", False, False, False),
        (written(city="Constantinople"), False, False, False),
        (written(town="Rome"), False, False, False),
        (written("now", city="Rome"), False, False, False),
        (written("rain"), False, False, False),
    ],
    ids=[
        "nothing", "text", "an open tag", "no call", "a call", "text and a call", "two calls", "more text",
        "too long", "another property", "arguments for none", "an unknown tool",
    ],
)  # fmt: skip
def test_what_an_answer_may_be(text: str, auto: bool, required: bool, one: bool) -> None:
    assert fits(Calls(TOOLS, many=True), text) is auto
    assert fits(Calls(TOOLS, required=True, many=True), text) is required
    assert fits(Calls(TOOLS), text) is one


def test_a_text_may_have_a_schema_of_its_own() -> None:
    calls = Calls(TOOLS, text_schema='{"type": "integer"}')
    assert [fits(calls, text) for text in ("17", ROME, "x", f"17{ROME}")] == [True, True, False, False]


def test_a_schema_without_a_type_is_an_objects() -> None:
    calls = Calls([Signature("f", '{"properties": {"a": {"type": "null"}}}')])
    assert fits(calls, written("f", a=None))
    assert not fits(calls, '<tool_call>\n{"name": "f", "arguments": [1]}\n</tool_call>')


def test_options_of_the_library_cannot_be_sent_along() -> None:
    schema = {"not": {}, "x-guidance": {"lenient": True}}
    with pytest.raises(InvalidArgument) as refused:
        Grammars(spelling.definition, 258, [END]).compile(
            Calls([Signature("f", json.dumps(schema))]).structure()
        )
    assert refused.value.details["field"] == "tools"


@pytest.mark.parametrize("schema", ["[]", "{", '{"multipleOf": 9999999}'], ids=["list", "open", "steps"])
def test_a_refusal_names_the_tool(schema: str) -> None:
    with pytest.raises(InvalidArgument, match=r"tools\[1\]\.parameters") as refused:
        Calls([Signature("f"), Signature("g", schema)]).structure()
    assert refused.value.details["field"] == "tools[1].parameters"


def test_bounds() -> None:
    with pytest.raises(InvalidArgument, match="empty"):
        Calls([]).structure()
    long = json.dumps({"description": "x" * 60_000})
    with pytest.raises(TooLarge):
        Calls([Signature(f"f{at}", long) for at in range(5)]).structure()
    assert Calls(TOOLS).structure().form is Form.CALLS
