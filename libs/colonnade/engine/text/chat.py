"""Chat templates: Jinja in a sandbox, as model files bring them.

Only the template writes control tokens. Where a message's own text holds one (``<|im_end|>``), it is rendered
as a mark of private-use characters and encoded apart, as the ordinary characters it consists of; any other
conversation is encoded whole, exactly as Hugging Face transformers does.
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from colonnade.engine.text.tokenizer import Tokenizer
from colonnade.errors import InvalidArgument, TooLarge, Unsupported

MAX_RENDERED_CHARACTERS = 4_000_000
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str


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
        except jinja2.TemplateError as error:
            raise Unsupported(
                f"the model's chat template does not compile: {error}", field="chat_template"
            ) from error

    def encode(self, tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
        """The token ids of the conversation, ready for the assistant's answer."""
        marks: dict[str, str] = {}
        control = re.compile(
            "|".join(map(re.escape, sorted(tokenizer.control_tokens, key=len, reverse=True)))
        )

        def hide(match: re.Match[str]) -> str:
            mark = f"\ue000{secrets.token_hex(8)}\ue001"
            marks[mark] = match[0]
            return mark

        if tokenizer.control_tokens:
            messages = [Message(each.role, control.sub(hide, each.content)) for each in messages]
        rendered = self.render(messages)
        if not marks:
            return tokenizer.encode(rendered, begin=False)
        ids: list[int] = []
        for part in re.split(f"({'|'.join(marks)})", rendered):
            ids += (
                tokenizer.encode_plain(marks[part]) if part in marks else tokenizer.encode(part, begin=False)
            )
        return ids

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as the model was trained to see it. Raises ``InvalidArgument`` if the template
        refuses it, ``TooLarge`` if it grows beyond all bounds."""
        parts, size = [], 0
        spoken = [{"role": each.role, "content": each.content} for each in messages]
        try:
            for part in self._template.generate(messages=spoken, add_generation_prompt=True):
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


def _refuse(message: str) -> NoReturn:
    raise _Refused(message[:200])


def _now(layout: str) -> str:
    return datetime.now().astimezone().strftime(layout)


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
