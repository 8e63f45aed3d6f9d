"""What a response is asked to answer: a text, or a list of items."""

from collections.abc import Mapping, Sequence
from typing import Any

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.gateway.domain.generation import Message
from colonnade.gateway.domain.tools import ToolCall

_ROLES = ("user", "assistant", "system", "developer")
_TEXTS: Mapping[str, str] = {"input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Kinds of content, and the field that has their text."""
_SHOWN_ONLY = frozenset({"id", "status", "phase"})
"""Of items as they stood in an answer: they change nothing."""


def messages_of(value: Any) -> tuple[list[Message], list[str]]:
    """The conversation, and what each of its messages is called where it is refused."""
    if isinstance(value, str):
        return [Message("user", value)], ["input"]
    if not isinstance(value, list):
        raise InvalidArgument("input must be a string or a list of items", field="input")
    messages: list[Message] = []
    fields: list[str] = []
    for index, item in enumerate(value):
        _append(messages, fields, item, f"input[{index}]")
    return messages, fields


def _append(messages: list[Message], fields: list[str], item: Any, field: str) -> None:
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
    message = read(item, field)
    if message.tool_calls and messages and messages[-1].tool_calls:  # calls that were made together
        last = messages[-1]
        messages[-1] = Message(last.role, last.content, tool_calls=last.tool_calls + message.tool_calls)
        return
    messages.append(message)
    fields.append(f"{field}.{'output' if kind == 'function_call_output' else 'content'}")


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
