"""Chat templates: Jinja in a sandbox, as model files bring them.

Only the template writes control tokens. Where a message's own text holds one (``<|im_end|>``), it is rendered
as a mark of private-use characters and encoded apart, as the ordinary characters it consists of; any other
conversation is encoded whole, exactly as Hugging Face transformers does.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import jinja2
from jinja2 import meta
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from colonnade.engine.text.tokenizer import Tokenizer
from colonnade.engine.text.tools import OPEN, Tool, ToolCall, told
from colonnade.errors import InvalidArgument, TooLarge, Unsupported

MAX_RENDERED_CHARACTERS = 4_000_000
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


class _Refused(jinja2.TemplateError):
    """The template's own ``raise_exception``."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Also refuses the operators by which a short template makes a huge value."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise jinja2.exceptions.SecurityError(f"operator {operator} is for numbers, ** is not allowed")
        return super().call_binop(context, operator, left, right)


class ChatTemplate:
    """A compiled template with the model's own beginning and end tokens."""

    def __init__(self, source: str, tokens: Mapping[str, str]) -> None:
        """``tokens`` are ``bos_token``, ``eos_token`` and the like, as the template may write them."""
        environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _now, **tokens}
        try:
            self._template = environment.from_string(source)
            variables = meta.find_undeclared_variables(environment.parse(source))
        except jinja2.TemplateError as error:
            raise Unsupported(
                f"the model's chat template does not compile: {error}", field="chat_template"
            ) from error
        # Calls are written in one way alone: a template that wants them in another is not asked to show them.
        self._knows_tools = "tools" in variables and OPEN in source

    def encode(
        self, tokenizer: Tokenizer, messages: Sequence[Message], tools: Sequence[Tool] = ()
    ) -> list[int]:
        """The token ids of the conversation, ready for the assistant's answer."""
        marks: dict[str, str] = {}
        control = re.compile(
            "|".join(map(re.escape, sorted(tokenizer.control_tokens, key=len, reverse=True)))
        )

        def hide(match: re.Match[str]) -> str:
            mark = f"\ue000{secrets.token_hex(8)}\ue001"
            marks[mark] = match[0]
            return mark

        values = self._values(messages, tools)
        if tokenizer.control_tokens:
            values = _replaced(values, lambda text: control.sub(hide, text))
        rendered = self._render(values)
        if not marks:
            return tokenizer.encode(rendered, begin=False)
        ids: list[int] = []
        for part in re.split(f"({'|'.join(marks)})", rendered):
            ids += (
                tokenizer.encode_plain(marks[part]) if part in marks else tokenizer.encode(part, begin=False)
            )
        return ids

    def render(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
        """The conversation as the model was trained to see it. Raises ``InvalidArgument`` if the template
        refuses it, ``TooLarge`` if it grows beyond all bounds."""
        return self._render(self._values(messages, tools))

    def _values(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        """What the template is given."""
        if not self._knows_tools:
            messages, tools = told(messages, tools), ()
        return {
            "messages": [each.values() for each in messages],
            "tools": [each.described() for each in tools] or None,
        }

    def _render(self, values: Mapping[str, Any]) -> str:
        parts, size = [], 0
        try:
            for part in self._template.generate(**values, add_generation_prompt=True):
                parts.append(part)
                size += len(part)
                if size > MAX_RENDERED_CHARACTERS:
                    limit = MAX_RENDERED_CHARACTERS
                    raise TooLarge(
                        f"the chat is longer than {limit} characters", field="messages", limit=limit
                    )
        except _Refused as error:
            raise InvalidArgument(f"the model's chat template refuses: {error}", field="messages") from error
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise Unsupported(
                "the model's chat template failed on these messages", field="messages"
            ) from error
        return "".join(parts)


def check_messages(messages: Sequence[Message]) -> None:
    if not messages:
        raise InvalidArgument("messages is empty", field="messages")
    for number, message in enumerate(messages):
        if message.role not in ROLES:
            raise InvalidArgument(
                f"messages[{number}].role must be one of {', '.join(ROLES)}", field=f"messages[{number}].role"
            )


def _replaced(value: Any, change: Callable[[str], str]) -> Any:
    """``value`` with every text in it changed, names included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_replaced(key, change): _replaced(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, change) for each in value]
    return value


def _refuse(message: str) -> NoReturn:
    raise _Refused(message[:200])


def _now(layout: str) -> str:
    return datetime.now().astimezone().strftime(layout)


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
