"""Conversations as a model's chat template renders them (``colonnade.models.text``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colonnade.engine.text.tools import OPEN, Tool, ToolCall, told
from colonnade.errors import InvalidArgument
from colonnade.models.text import SpeltOut, Template, Tokenizer

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str
    name: str = ""
    """Of who speaks, or of the tool that answers."""
    tool_calls: Sequence[ToolCall] = ()
    """Of an assistant's message."""
    tool_call_id: str = ""
    """Of a tool's message: the call that it answers."""

    def values(self) -> dict[str, Any]:
        """In the layout that templates are written for."""
        values: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.name:
            values["name"] = self.name
        if self.tool_calls:
            values["tool_calls"] = [call.described() for call in self.tool_calls]
        if self.tool_call_id:
            values["tool_call_id"] = self.tool_call_id
        return values


class ChatTemplate:
    """A compiled template with the model's own beginning and end tokens."""

    def __init__(self, source: str, tokens: Mapping[str, str]) -> None:
        """``tokens`` are ``bos_token``, ``eos_token`` and the like, as the template may write them."""
        self._template = Template(source, tokens)
        # Calls are written in one way alone: a template that wants them in another is not asked to show them.
        self._knows_tools = "tools" in self._template.variables and OPEN in source

    def encode(
        self, tokenizer: Tokenizer, messages: Sequence[Message], tools: Sequence[Tool] = ()
    ) -> list[int]:
        """The token ids of the conversation, ready for the assistant's answer."""
        written = SpeltOut(tokenizer)
        return written.encode(self._template.render(written.hidden(self._values(messages, tools))))

    def render(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
        """The conversation as the model was trained to see it. Raises ``InvalidArgument`` if the template
        refuses it, ``TooLarge`` if it grows beyond all bounds."""
        return self._template.render(self._values(messages, tools))

    def _values(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        """What the template is given."""
        if not self._knows_tools:
            messages, tools = told(messages, tools), ()
        return {
            "messages": [each.values() for each in messages],
            "tools": [each.described() for each in tools] or None,
        }


def check_messages(messages: Sequence[Message]) -> None:
    if not messages:
        raise InvalidArgument("messages is empty", field="messages")
    for number, message in enumerate(messages):
        if message.role not in ROLES:
            raise InvalidArgument(
                f"messages[{number}].role must be one of {', '.join(ROLES)}", field=f"messages[{number}].role"
            )
