"""A conversation and its tools as OpenAI writes them."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, JsonValue

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.gateway.domain.generation import Message
from colonnade.gateway.domain.tools import Tool, ToolCall, ToolChoice
from colonnade.gateway.http.strict import Strict

_CONTENT: dict[str, JsonValue] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}, {"type": "null"}]
}
CHOICE: dict[str, JsonValue] = {
    "anyOf": [{"type": "string", "enum": ["auto", "none", "required"]}, {"type": "object"}]
}


class _Called(Strict):
    name: str
    arguments: str = Field(description="A JSON object, as text.")


class _ToolCall(Strict):
    id: str
    type: Literal["function"] = "function"
    function: _Called


class ChatMessage(Strict):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Any = Field(
        default=None, description="Text, or a list of parts of the type text.", json_schema_extra=_CONTENT
    )
    name: str | None = Field(default=None, description="Of who speaks.")
    tool_calls: list[_ToolCall] | None = Field(default=None, description="Of an assistant's message.")
    tool_call_id: str | None = Field(
        default=None, description="Of a tool's message: the call that it answers."
    )
    refusal: str | None = Field(default=None, description="As it stood in an answer; not shown to the model.")
    annotations: list[Any] | None = Field(default=None, description="As they stood in an answer; ignored.")
    audio: None = None
    function_call: None = None

    def message(self, field: str) -> Message:
        """``field`` names the message where it is refused."""
        calls = tuple(
            ToolCall(call.id, call.function.name, call.function.arguments) for call in self.tool_calls or ()
        )
        return Message(
            role="system" if self.role == "developer" else self.role,
            content=text_of(self.content, f"{field}.content"),
            name=self.name or "",
            tool_calls=calls,
            tool_call_id=self.tool_call_id or "",
        )


def text_of(content: Any, field: str) -> str:
    """A message's text; of a list of parts, the text of all of them."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise InvalidArgument(
            f"{field} must be a string or a list of parts", field=field, limit="a string or an array"
        )
    return "".join(_part(part, f"{field}[{index}]") for index, part in enumerate(content))


def _part(part: Any, field: str) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise InvalidArgument(
            f'{field} must be an object such as {{"type": "text", "text": ...}}',
            field=field,
            limit="an object",
        )
    if part["type"] != "text":
        raise Unsupported(
            f"{field}.type must be text; send what the other parts show as text",
            field=f"{field}.type",
            supported=["text"],
        )
    if not isinstance(part.get("text"), str) or len(part) > 2:
        raise InvalidArgument(
            f"{field} must have a type and a text, and nothing else", field=f"{field}.text", limit="a string"
        )
    return str(part["text"])


class _Function(Strict):
    name: str = Field(description="Letters, digits, '_' and '-', at most 64.")
    description: str | None = Field(default=None, description="What it does, for the model.")
    parameters: dict[str, Any] | None = Field(
        default=None, description="A JSON Schema of its arguments, an object. Default: it takes none."
    )
    strict: bool | None = Field(default=None, description="Accepted; arguments always have their schema.")


class ChatTool(Strict):
    type: Literal["function"]
    function: _Function

    def tool(self) -> Tool:
        schema = self.function.parameters
        parameters = "" if schema is None else json.dumps(schema, ensure_ascii=False)
        return Tool(self.function.name, self.function.description or "", parameters)


def tool_choice(value: Any, parallel: bool | None) -> ToolChoice:
    """``auto``, ``none``, ``required`` or the one function that must be called."""
    many = parallel is not False
    if value is None or value == "auto":
        return ToolChoice("auto", many=many)
    if value == "none":
        return ToolChoice("none", many=many)
    if value == "required":
        return ToolChoice("required", many=many)
    named = value.get("function") if isinstance(value, Mapping) and value.get("type") == "function" else None
    if isinstance(named, Mapping) and isinstance(named.get("name"), str):
        return ToolChoice("required", named["name"], many=False)
    raise InvalidArgument(
        'tool_choice must be auto, none, required or {"type": "function", "function": {"name": ...}}',
        field="tool_choice",
        limit="auto, none, required or one function",
    )
