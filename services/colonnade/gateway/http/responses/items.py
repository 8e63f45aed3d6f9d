"""What a response is asked to answer: a text, or a list of items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.gateway.domain.generation import Message
from colonnade.gateway.domain.tools import ToolCall

_ROLES = ("user", "assistant", "system", "developer")
_TEXTS: Mapping[str, str] = {"input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Kinds of content, and the field that has their text."""
_SHOWN_ONLY = frozenset({"id", "status", "phase"})
"""Of items as they stood in an answer: they change nothing."""


@dataclass(slots=True)
class Conversation:
    """Items as messages; what stands in them is refused by the name that it has in the request."""

    messages: list[Message] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """What the platform's fields are called in this request."""

    @classmethod
    def of(cls, instructions: str | None, value: Any) -> "Conversation":
        found = cls()
        if instructions:
            found._append(Message("system", instructions), "instructions", {"content": ""})
        if isinstance(value, str):
            found._append(Message("user", value), "input", {"content": ""})
        elif isinstance(value, list):
            for index, item in enumerate(value):
                found._take(item, f"input[{index}]")
        else:
            raise InvalidArgument("input must be a string or a list of items", field="input")
        return found

    def _take(self, item: Any, field: str) -> None:
        message, kind = _message_of(item, field)
        if not message.tool_calls:
            self._append(message, field, _FIELDS[kind])
            return
        last = self.messages[-1] if self.messages else None
        if last is not None and last.role == "assistant":  # said, or called, in the same breath
            self.messages[-1] = replace(last, tool_calls=last.tool_calls + message.tool_calls)
        else:
            self.messages.append(message)
        place = f"tool_calls[{len(self.messages[-1].tool_calls) - 1}]"
        self._name(field, {f"{place}.{inner}": name for inner, name in _FIELDS[kind].items()})

    def _append(self, message: Message, field: str, fields: Mapping[str, str]) -> None:
        self.messages.append(message)
        self._name(field, fields)

    def _name(self, field: str, fields: Mapping[str, str]) -> None:
        place = f"messages[{len(self.messages) - 1}]"
        for inner, name in fields.items():
            self.names[f"{place}.{inner}"] = f"{field}.{name}" if name else field


def _message_of(item: Any, field: str) -> tuple[Message, str]:
    """What an item says, and of which kind it is."""
    if not isinstance(item, dict):
        raise InvalidArgument(f"{field} must be an object", field=field)
    kind = item.get("type", "message")
    read = _KINDS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise Unsupported(
            f"{field}.type must be one of {', '.join(_KINDS)}; nothing is kept, so send all that was said",
            field=f"{field}.type",
            supported=list(_KINDS),
        )
    return read(item, field), kind


def _message(item: Mapping[str, Any], field: str) -> Message:
    _only(item, {"type", "role", "content"}, field)
    role = item.get("role")
    if role not in _ROLES:
        raise InvalidArgument(
            f"{field}.role must be one of {', '.join(_ROLES)}", field=f"{field}.role", limit=", ".join(_ROLES)
        )
    content = text_of(item.get("content"), f"{field}.content")
    return Message("system" if role == "developer" else role, content)


def _call(item: Mapping[str, Any], field: str) -> Message:
    _only(item, {"type", "call_id", "name", "arguments"}, field)
    call = ToolCall(*(_text(item, name, field) for name in ("call_id", "name", "arguments")))
    return Message("assistant", "", tool_calls=(call,))


def _output(item: Mapping[str, Any], field: str) -> Message:
    _only(item, {"type", "call_id", "output"}, field)
    content = text_of(item.get("output"), f"{field}.output")
    return Message("tool", content, tool_call_id=_text(item, "call_id", field))


_KINDS = {"message": _message, "function_call": _call, "function_call_output": _output}
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "message": {"content": "content"},
    "function_call": {"id": "call_id", "function.name": "name", "function.arguments": "arguments"},
    "function_call_output": {"content": "output", "tool_call_id": "call_id"},
}
"""The platform's fields of a message, or of a call in it, by their names in an item."""


def text_of(content: Any, field: str) -> str:
    """A text, or that of all parts of a list."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidArgument(f"{field} must be a string or a list of parts", field=field)
    return "".join(_part(part, f"{field}[{index}]") for index, part in enumerate(content))


def _part(part: Any, field: str) -> str:
    if not isinstance(part, dict):
        raise InvalidArgument(f"{field} must be an object", field=field)
    kind = part.get("type")
    name = _TEXTS.get(kind) if isinstance(kind, str) else None
    if name is None:
        raise Unsupported(
            f"{field}.type must be one of {', '.join(_TEXTS)}; send what other parts show as text",
            field=f"{field}.type",
            supported=list(_TEXTS),
        )
    _only(part, {"type", name, "annotations", "logprobs"}, field)
    return _text(part, name, field)


def _text(item: Mapping[str, Any], name: str, field: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise InvalidArgument(f"{field}.{name} must be a string", field=f"{field}.{name}")
    return value


def _only(item: Mapping[str, Any], known: set[str], field: str) -> None:
    unknown: Sequence[str] = sorted(item.keys() - known - _SHOWN_ONLY)
    if unknown:
        raise InvalidArgument(
            f"{field} has a field that is not known here; it may have {', '.join(sorted(known))}",
            field=field,
            limit=", ".join(sorted(known)),
        )
