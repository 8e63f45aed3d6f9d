"""``POST /generate`` as JSON.

Shapes and types are checked here; ranges, by the stage ShapeAndSize, from the table of limits.
"""

import json
import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.generation import PRESETS, GenerationSpec, Message, Sampling
from colonnade.gateway.domain.limits import (
    MAX_BIASES,
    MAX_MESSAGES,
    MAX_STOP_CHARS,
    MAX_STOPS,
    MAX_TOKEN_ID,
    RANGES,
)
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_recall import MemoryBody

_SPEC = GenerationSpec()
_DEFAULTS = _SPEC.sampling


def number(field: str, description: str, default: float | None) -> Any:
    limits = RANGES[field]
    if default is not None:
        description += f" Default {default:g}."
    return Field(
        default=None,
        description=description,
        json_schema_extra={"minimum": limits.low, "maximum": limits.high},
    )


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Stop = Annotated[
    list[str],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


_SAMPLED = (
    "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty",
    "seed",
)  # fmt: skip
_TOKEN_ID = re.compile("0|[1-9][0-9]{0,9}")


class StructureBody(Strict):
    json_schema: dict[str, Any] | None = Field(
        default=None, description="A JSON Schema: the answer is a JSON document that it allows."
    )
    regex: str | None = Field(default=None, description="A regular expression: the whole answer matches.")
    grammar: str | None = Field(default=None, description="A grammar in Lark's syntax, from the rule start.")
    json_object: bool | None = Field(default=None, description="true: the answer is any JSON object.")

    def structure(self) -> Structure:
        schema = None if self.json_schema is None else json.dumps(self.json_schema, ensure_ascii=False)
        return Structure(schema, self.regex, self.grammar, bool(self.json_object))


class ChatMessage(Strict):
    role: Literal["system", "user", "assistant"]
    content: str


class GenerateBody(Strict):
    prompt: str | None = Field(default=None, description="Text to continue. Either this or messages.")
    messages: list[ChatMessage] | None = Field(
        default=None,
        description=f"A conversation, of at most {MAX_MESSAGES} messages. Either this or prompt.",
    )
    model: str | None = Field(
        default=None,
        description="name (its alias production), name@alias or name:version. Default: the newest.",
    )
    model_size: str | None = Field(
        default=None,
        description="A size such as 135M or 7B, instead of model: the newest model of that size.",
    )
    adapter: str | None = Field(
        default=None,
        description="A LoRA adapter of the model, named as models are. Without model: of its own model.",
    )
    max_tokens: int | None = number("max_tokens", "Tokens to generate at most.", _SPEC.max_tokens)
    temperature: float | None = number("temperature", "0 is greedy.", _DEFAULTS.temperature)
    top_k: int | None = number("top_k", "Draw among the k likeliest tokens; 0 is off.", _DEFAULTS.top_k)
    top_p: float | None = number(
        "top_p", "Draw among the likeliest tokens of this total; 1 is off.", _DEFAULTS.top_p
    )
    min_p: float | None = number(
        "min_p", "Leave out tokens less likely than this share of the likeliest; 0 is off.", _DEFAULTS.min_p
    )
    repetition_penalty: float | None = number(
        "repetition_penalty", "Above 1, tokens seen before are less likely.", _DEFAULTS.repetition_penalty
    )
    frequency_penalty: float | None = number(
        "frequency_penalty",
        "Above 0, a token is less likely for each time that it is in the answer.",
        _DEFAULTS.frequency_penalty,
    )
    presence_penalty: float | None = number(
        "presence_penalty", "Above 0, tokens in the answer are less likely.", _DEFAULTS.presence_penalty
    )
    logit_bias: dict[str, float] | None = Field(
        default=None,
        description=f"Added to the scores of at most {MAX_BIASES} tokens by their ids: {{'15043': -100}}.",
    )
    preset: Literal["creative", "precise", "balanced", "deterministic"] | None = Field(
        default=None, description="Sampling settings under one name; fields given beside it go before it."
    )
    stop: Stop | None = Field(
        default=None,
        description=f"Text that ends the answer: at most {MAX_STOPS} strings of {MAX_STOP_CHARS} characters.",
    )
    structure: StructureBody | None = Field(
        default=None, description="The form that the answer must have: exactly one of the fields."
    )
    n: int | None = number("n", "Answers to draw; each has the seed of the one before and one.", _SPEC.n)
    seed: int | None = number("seed", "Repeats an answer. Default: drawn, and returned.", None)
    logprobs: int | None = number("logprobs", "Log-probabilities, with this many rivals a token.", None)
    user: str | None = Field(
        default=None, description="Whom this is for, in at most 256 bytes: keeps them on one model version."
    )
    priority: int | None = number("priority", "Higher goes first, as far as the key may.", _SPEC.priority)
    memory: MemoryBody | None = Field(
        default=None, description="What is remembered of this subject, in the prompt; and what is to be."
    )
    stream: bool | None = Field(default=None, description="Server-sent events instead of one JSON answer.")

    def spec(self) -> GenerationSpec:
        messages = self.messages
        return GenerationSpec(
            prompt=self.prompt,
            messages=None
            if messages is None
            else tuple(Message(each.role, each.content) for each in messages),
            model=self.model or "",
            model_size=self.model_size or "",
            adapter=self.adapter or "",
            max_tokens=_SPEC.max_tokens if self.max_tokens is None else self.max_tokens,
            sampling=self._sampling(),
            stop=tuple(self.stop or ()),
            logprobs=self.logprobs,
            user=self.user or "",
            structure=self.structure.structure() if self.structure else None,
            n=_SPEC.n if self.n is None else self.n,
            priority=_SPEC.priority if self.priority is None else self.priority,
            memory=self.memory.spec() if self.memory else None,
        )

    def _sampling(self) -> Sampling:
        given = {name: value for name in _SAMPLED if (value := getattr(self, name)) is not None}
        bias = {token_id(token): value for token, value in (self.logit_bias or {}).items()}
        return replace(PRESETS[self.preset] if self.preset else _DEFAULTS, **given, logit_bias=bias)


def token_id(token: str) -> int:
    """JSON's keys are text."""
    if not _TOKEN_ID.fullmatch(token) or int(token) > MAX_TOKEN_ID:
        raise InvalidArgument(
            'logit_bias names tokens by their ids, such as "15043"', field="logit_bias", limit=MAX_TOKEN_ID
        )
    return int(token)
