"""What OpenAI's requests for text have in common, with our own extra fields beside theirs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.gateway.domain.generation import Sampling
from colonnade.gateway.domain.limits import MAX_BIASES, MAX_STOP_CHARS, MAX_STOPS
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_generate import Stop, StructureBody, number, token_id

_PLAIN = Sampling(temperature=1.0, top_k=0, top_p=1.0)
"""OpenAI's defaults: the model's own distribution."""
_SAMPLED = (
    "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty",
    "seed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lacking:
    """A field of OpenAI's that asks for what is not there, unless it has one of the ``neutral`` values."""

    remedy: str
    neutral: tuple[Any, ...] = ()


class OpenAiBody(Strict):
    """Accepts OpenAI's own fields: those that change nothing here, and those that ask for nothing."""

    harmless: ClassVar[frozenset[str]] = frozenset()
    lacking: ClassVar[Mapping[str, Lacking]] = {}

    model: str = Field(
        description="name (its alias production), name@alias or name:version; of a model or an adapter."
    )
    user: str | None = Field(
        default=None, description="Whom this is for, in at most 256 bytes: keeps them on one model version."
    )

    @model_validator(mode="before")
    @classmethod
    def _known(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        for name, lacking in cls.lacking.items():
            if (value := body.get(name)) is not None and value not in lacking.neutral:
                raise Unsupported(f"{name} is not supported; {lacking.remedy}", field=name)
        return {key: value for key, value in body.items() if key not in cls.harmless | cls.lacking.keys()}


class StreamOptions(Strict):
    include_usage: bool | None = Field(
        default=None, description="One more event before the end, with the usage and no choices."
    )
    include_obfuscation: bool | None = Field(default=None, description="Accepted; nothing is padded.")


class TextBody(OpenAiBody):
    """Of chat completions and completions alike."""

    temperature: float | None = number("temperature", "0 is greedy.", _PLAIN.temperature)
    top_p: float | None = number(
        "top_p", "Draw among the likeliest tokens of this total; 1 is off.", _PLAIN.top_p
    )
    frequency_penalty: float | None = number(
        "frequency_penalty", "Above 0, a token is less likely for each time that it is in the answer.", 0.0
    )
    presence_penalty: float | None = number(
        "presence_penalty", "Above 0, tokens in the answer are less likely.", 0.0
    )
    logit_bias: dict[str, float] | None = Field(
        default=None,
        description=f"Added to the scores of at most {MAX_BIASES} tokens by their ids: {{'15043': -100}}.",
    )
    stop: Stop | None = Field(
        default=None,
        description=f"Text that ends the answer: at most {MAX_STOPS} strings of {MAX_STOP_CHARS} characters.",
    )
    n: int | None = number("n", "Answers to draw; each has the seed of the one before and one.", 1)
    seed: int | None = number("seed", "Repeats an answer.", None)
    stream: bool | None = Field(default=None, description="Server-sent events instead of one JSON answer.")
    stream_options: StreamOptions | None = Field(default=None, description="Only with stream.")
    top_k: int | None = number("top_k", "Ours: draw among the k likeliest tokens; 0 is off.", _PLAIN.top_k)
    min_p: float | None = number(
        "min_p", "Ours: leave out tokens less likely than this share of the likeliest; 0 is off.", 0.0
    )
    repetition_penalty: float | None = number(
        "repetition_penalty", "Ours: above 1, tokens seen before are less likely.", 1.0
    )
    priority: int | None = number("priority", "Ours: higher goes first, as far as the key may.", 0)
    adapter: str | None = Field(default=None, description="Ours: a LoRA adapter of the model.")
    structure: StructureBody | None = Field(
        default=None, description="Ours: the form that the answer must have, as in POST /generate."
    )

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with the usage. Raises where there is no stream."""
        if self.stream_options is not None and not self.stream:
            raise InvalidArgument(
                "stream_options is for streams; set stream to true or leave it out", field="stream_options"
            )
        return bool(self.stream_options and self.stream_options.include_usage)

    def sampling(self) -> Sampling:
        given = {name: value for name in _SAMPLED if (value := getattr(self, name)) is not None}
        bias = {token_id(token): value for token, value in (self.logit_bias or {}).items()}
        return replace(_PLAIN, **given, logit_bias=bias)

    def form(self) -> Structure | None:
        """The form that ``structure`` asks for."""
        return self.structure.structure() if self.structure else None


class _JsonSchema(Strict):
    name: str = Field(description="For people; it is not shown to the model.")
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema", description="A JSON Schema.")
    strict: bool | None = Field(default=None, description="Accepted; a schema is always enforced.")


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _JsonSchema | None = Field(default=None, description="With the type json_schema.")

    def structure(self) -> Structure | None:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise InvalidArgument(
                "response_format.json_schema goes with the type json_schema, and only with that",
                field="response_format.json_schema",
            )
        if self.json_schema is None:
            return Structure(json_object=True) if self.type == "json_object" else None
        if self.json_schema.schema_ is None:
            return Structure(json_object=True)
        return Structure(json_schema=json.dumps(self.json_schema.schema_, ensure_ascii=False))
