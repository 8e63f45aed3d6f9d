"""Chat templates: Jinja in a sandbox, as model files bring them.

Only the template writes control tokens. Where a message's own text holds one (``<|im_end|>``), it is rendered
as a mark of private-use characters and encoded apart, as the ordinary characters it consists of; any other
conversation is encoded whole, exactly as Hugging Face transformers does.
"""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

import jinja2
from jinja2 import meta
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from colonnade.errors import InvalidArgument, TooLarge, Unsupported
from colonnade.models.text.tokenizer import Tokenizer

MAX_RENDERED_CHARACTERS = 4_000_000


class _Refused(jinja2.TemplateError):
    """The template's own ``raise_exception``."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Also refuses the operators by which a short template makes a huge value."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise jinja2.exceptions.SecurityError(f"operator {operator} is for numbers, ** is not allowed")
        return super().call_binop(context, operator, left, right)


class Template:
    """A compiled template with the model's own beginning and end tokens."""

    def __init__(self, source: str, tokens: Mapping[str, str]) -> None:
        """``tokens`` are ``bos_token``, ``eos_token`` and the like, as the template may write them."""
        environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _now, **tokens}
        try:
            self._template = environment.from_string(source)
            self.variables = frozenset(meta.find_undeclared_variables(environment.parse(source)))
            """What it looks at beside those tokens: ``messages``, ``tools`` ..."""
        except jinja2.TemplateError as error:
            raise Unsupported(
                f"the model's chat template does not compile: {error}", field="chat_template"
            ) from error

    def render(self, values: Mapping[str, Any], *, prompt: bool = True) -> str:
        """The conversation as the model was trained to see it; with ``prompt``, ready for the assistant's
        answer. Raises ``InvalidArgument`` if the template refuses it, ``TooLarge`` if it grows beyond all
        bounds."""
        parts, size = [], 0
        try:
            for part in self._template.generate(**values, add_generation_prompt=prompt):
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


class SpeltOut:
    """Control tokens in what people wrote: hidden before it is rendered, spelt out when it is encoded."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._marks: dict[str, str] = {}
        ordered = sorted(tokenizer.control_tokens, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, ordered)))

    def hidden(self, value: Any) -> Any:
        """``value`` with every text in it changed, names included."""
        if not self._tokenizer.control_tokens:
            return value
        if isinstance(value, str):
            return self._control.sub(self._mark, value)
        if isinstance(value, dict):
            return {self.hidden(key): self.hidden(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.hidden(each) for each in value]
        return value

    def encode(self, rendered: str) -> list[int]:
        """The token ids of what a template made of hidden values."""
        if not self._marks:
            return self._tokenizer.encode(rendered, begin=False)
        ids: list[int] = []
        for part in re.split(f"({'|'.join(self._marks)})", rendered):
            if part in self._marks:
                ids += self._tokenizer.encode_plain(self._marks[part])
            else:
                ids += self._tokenizer.encode(part, begin=False)
        return ids

    def _mark(self, match: re.Match[str]) -> str:
        mark = f"\ue000{secrets.token_hex(8)}\ue001"
        self._marks[mark] = match[0]
        return mark


def _refuse(message: str) -> NoReturn:
    raise _Refused(message[:200])


def _now(layout: str) -> str:
    return datetime.now().astimezone().strftime(layout)


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
