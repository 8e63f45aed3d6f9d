"""The form of answers that may call tools: text, or calls whose arguments have their tool's own schema.

A call is ``<tool_call>``, ``{"name": ..., "arguments": {...}}`` and ``</tool_call>``, each on its own line
(as many models were trained to write it), in fixed spaces, so that nothing but the arguments is drawn.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colonnade.engine.structure.form import Form, Structure
from colonnade.errors import InvalidArgument, TooLarge

MAX_BYTES = 256 << 10
OPEN, CLOSE = "<tool_call>", "</tool_call>"
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
_ANYTHING = r"/(.|\n)*/"


@dataclass(frozen=True, slots=True)
class Signature:
    """A tool by its name and the JSON Schema of its arguments, as text; empty: it takes none."""

    name: str
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Calls:
    tools: Sequence[Signature]
    required: bool = False
    """At least one call, and no text."""
    many: bool = False
    """Calls may follow each other."""
    text_schema: str = ""
    """Of the text where no tool is called; empty: any text."""

    def structure(self) -> Structure:
        """Raises ``InvalidArgument`` naming the tool whose schema cannot be used, or ``TooLarge``."""
        if not self.tools:
            raise InvalidArgument("tools is empty", field="tools")
        if self.text_schema:
            Structure(Form.JSON_SCHEMA, self.text_schema)
        tools = [[each.name, _schema(each, at)] for at, each in enumerate(self.tools)]
        text = json.dumps([tools, self.required, self.many, self.text_schema])
        if len(text) > MAX_BYTES:
            raise TooLarge(
                f"tools has {len(text)} bytes; at most {MAX_BYTES}", field="tools", limit=MAX_BYTES
            )
        return Structure(Form.CALLS, text)


def lark(text: str, options: Mapping[str, Any]) -> str:
    """The grammar of a ``Structure`` of calls; ``options`` are those of its schemas."""
    tools, required, many, text_schema = json.loads(text)
    return "\n".join(_rules(tools, required, many, text_schema, options))


def _rules(
    tools: Sequence[tuple[str, Any]], required: bool, many: bool, text_schema: str, options: Mapping[str, Any]
) -> Iterator[str]:
    more = f"({_quoted(f'{chr(10)}{OPEN}')} body)*" if many else ""
    yield "%llguidance {}"
    yield f"start: {'' if required else 'text | '}opened body {more}"
    if text_schema:
        yield f"text: %json {_json(json.loads(text_schema), options)}"
    elif not required:
        yield f"text: TEXT\nTEXT: {_ANYTHING}"
    # Text may go before the first call. A lexeme that is lazy ends at the first tag: no text can hold one.
    lead = "" if required or text_schema else _ANYTHING
    yield f"opened{'[lazy]' if lead else ''}: {lead} {_quoted(OPEN)}"
    yield f"body: {_quoted(chr(10))} ({' | '.join(f'tool_{at}' for at in range(len(tools)))})"
    for at, (name, schema) in enumerate(tools):
        head = f'{{"name": {json.dumps(name)}, "arguments": '
        yield f"tool_{at}: {_quoted(head)} args_{at} {_quoted('}' + chr(10) + CLOSE)}"
        yield f"args_{at}: %json {_json(schema, options)}"


def _schema(tool: Signature, at: int) -> Any:
    if not tool.parameters:
        return _NOTHING
    field = f"tools[{at}].parameters"
    try:
        Structure(Form.JSON_SCHEMA, tool.parameters)
    except InvalidArgument as error:
        raise InvalidArgument(error.message.replace("structure.json_schema", field), field=field) from None
    return {"type": "object"} | json.loads(tool.parameters)


def _json(schema: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    return json.dumps({**schema, "x-guidance": dict(options)})


def _quoted(text: str) -> str:
    """As a string of the grammar."""
    return json.dumps(text)
