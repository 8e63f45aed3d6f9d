"""``POST /generate`` as JSON.

Shapes and types are checked here; ranges, by the stage ShapeAndSize, from the table of limits.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from colonnade.gateway.domain.generation import PRESETS, GenerationSpec, Message, Sampling
from colonnade.gateway.domain.limits import MAX_MESSAGES, MAX_STOP_CHARS, MAX_STOPS, RANGES

_SPEC = GenerationSpec()
_DEFAULTS = _SPEC.sampling


class Strict(BaseModel):
    """No unknown field, no coercion, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _number(field: str, description: str, default: float | None) -> Any:
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


_Stop = Annotated[
    list[str],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


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
    max_tokens: int | None = _number("max_tokens", "Tokens to generate at most.", _SPEC.max_tokens)
    temperature: float | None = _number("temperature", "0 is greedy.", _DEFAULTS.temperature)
    top_k: int | None = _number("top_k", "Draw among the k likeliest tokens; 0 is off.", _DEFAULTS.top_k)
    top_p: float | None = _number(
        "top_p", "Draw among the likeliest tokens of this total; 1 is off.", _DEFAULTS.top_p
    )
    min_p: float | None = _number(
        "min_p", "Leave out tokens less likely than this share of the likeliest; 0 is off.", _DEFAULTS.min_p
    )
    repetition_penalty: float | None = _number(
        "repetition_penalty", "Above 1, tokens seen before are less likely.", _DEFAULTS.repetition_penalty
    )
    preset: Literal["creative", "precise", "balanced", "deterministic"] | None = Field(
        default=None, description="Sampling settings under one name; fields given beside it go before it."
    )
    stop: _Stop | None = Field(
        default=None,
        description=f"Text that ends the answer: at most {MAX_STOPS} strings of {MAX_STOP_CHARS} characters.",
    )
    seed: int | None = _number("seed", "Repeats an answer. Default: drawn, and returned.", None)
    logprobs: int | None = _number("logprobs", "Log-probabilities, with this many rivals a token.", None)
    user: str | None = Field(
        default=None, description="Whom this is for, in at most 256 bytes: keeps them on one model version."
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
        )

    def _sampling(self) -> Sampling:
        names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(PRESETS[self.preset] if self.preset else _DEFAULTS, **given)


class VersionUsed(BaseModel):
    name: str
    version: int
    digest: str


class ModelUsed(VersionUsed):
    adapter: VersionUsed | None = Field(default=None, description="If one had a part in the answer.")


class UsageOut(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_prompt_tokens: int = Field(description="Of the prompt, those that were not computed again.")
    guessed_tokens: int | None = Field(None, description="Guessed ahead, where the engine speculates.")
    accepted_tokens: int | None = Field(None, description="Of those guessed, what the model agreed to.")


class TimingsOut(BaseModel):
    """Seconds; the last is the gateway's, the others are the engine's."""

    queue: float
    prefill: float
    decode: float
    time_to_first_token: float
    total: float


class RivalOut(BaseModel):
    id: int
    text: str
    logprob: float


class TokenOut(BaseModel):
    id: int
    text: str
    logprob: float | None
    top: list[RivalOut]


class GenerateAnswer(BaseModel):
    id: str
    text: str
    finish_reason: Literal["stop", "length", "cancelled", "deadline"]
    model: ModelUsed
    usage: UsageOut
    timings: TimingsOut
    seed: int
    stop: str | None = Field(default=None, description="The stop string that ended the answer.")
    logprobs: list[TokenOut] | None = None
