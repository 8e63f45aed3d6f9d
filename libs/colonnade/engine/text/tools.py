"""Tools in a conversation: as a model's template takes them, or told in plain text where it knows none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colonnade.engine.text.chat import Message

OPEN = "<tool_call>"
_ABOUT = """You can use these tools. Each line describes one:
<tools>
{tools}
</tools>
To use a tool, answer with its name and arguments:
<tool_call>
{{"name": "the tool's name", "arguments": {{"a parameter's name": "its value"}}}}
</tool_call>
What it returns is shown to you between <tool_response> and </tool_response>."""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str = ""
    parameters: str = ""
    """A JSON Schema, as text; empty: it takes none."""

    def described(self) -> dict[str, Any]:
        """In the layout that templates are written for."""
        schema = json.loads(self.parameters) if self.parameters else {"type": "object", "properties": {}}
        function = {"name": self.name, "description": self.description, "parameters": schema}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: str
    """A JSON object, as text; shown as it is where it is none."""

    def described(self) -> dict[str, Any]:
        return {"id": self.id, "type": "function", "function": self.function()}

    def function(self) -> dict[str, Any]:
        return {"name": self.name, "arguments": _parsed(self.arguments)}


def told(messages: Sequence["Message"], tools: Sequence[Tool]) -> list["Message"]:
    """The same conversation without anything but text: tools stand in the system's message, calls in the
    assistant's, what they returned in the user's."""
    plain: list[Message] = []
    for message in messages:
        if message.role == "tool":
            answer = f"<tool_response>\n{message.content}\n</tool_response>"
            if plain and plain[-1].tool_call_id:
                plain[-1] = replace(plain[-1], content=f"{plain[-1].content}\n{answer}")
            else:
                plain.append(replace(message, role="user", content=answer))
        elif message.tool_calls:
            calls = "\n".join(_written(call) for call in message.tool_calls)
            content = f"{message.content}\n{calls}" if message.content else calls
            plain.append(replace(message, content=content, tool_calls=()))
        else:
            plain.append(message)
    plain = [replace(each, tool_call_id="") for each in plain]
    return _introduced(plain, tools) if tools else plain


def _introduced(messages: list["Message"], tools: Sequence[Tool]) -> list["Message"]:
    listed = "\n".join(json.dumps(tool.described()["function"], ensure_ascii=False) for tool in tools)
    about = _ABOUT.format(tools=listed)
    first = messages[0]
    if first.role == "system":
        return [replace(first, content=f"{first.content}\n\n{about}"), *messages[1:]]
    return [replace(first, role="system", content=about, name=""), *messages]


def _written(call: ToolCall) -> str:
    return f"{OPEN}\n{json.dumps(call.function(), ensure_ascii=False)}\n</tool_call>"


def _parsed(arguments: str) -> Any:
    try:
        found = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    return found if isinstance(found, dict) else arguments
