"""Bodies and answers of ``/v2``. Ranges are checked by the stage ShapeAndSize."""

from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.generation import GenerationSpec, Sampling
from colonnade.gateway.domain.limits import RANGES
from colonnade.gateway.http.described import Events
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_errors import OipError
from colonnade.gateway.http.wire_generate import Stop
from colonnade.gateway.http.wire_guard import GuardOut
from colonnade.security.inputs import check_text

_DEFAULTS = GenerationSpec()
_SAMPLED = (
    "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty",
    "seed",
)  # fmt: skip
_MAX_ID_BYTES = 128


def _number(field: str) -> Any:
    limits = RANGES[field]
    return Field(default=None, json_schema_extra={"minimum": limits.low, "maximum": limits.high})


class Parameters(Strict):
    """Those of the protocol, and our own beside them; defaults are those of ``POST /generate``."""

    temperature: float | None = _number("temperature")
    top_p: float | None = _number("top_p")
    max_tokens: int | None = _number("max_tokens")
    stop: Stop | None = None
    details: bool | None = Field(default=None, description="Tell each token with its log-probability.")
    top_k: int | None = _number("top_k")
    min_p: float | None = _number("min_p")
    repetition_penalty: float | None = _number("repetition_penalty")
    frequency_penalty: float | None = _number("frequency_penalty")
    presence_penalty: float | None = _number("presence_penalty")
    seed: int | None = _number("seed")

    def sampling(self) -> Sampling:
        given = {name: value for name in _SAMPLED if (value := getattr(self, name)) is not None}
        return replace(_DEFAULTS.sampling, **given)


class OipGenerateBody(Strict):
    text_input: str = Field(description="Text to continue.")
    parameters: Parameters = Parameters()
    id: str | None = Field(default=None, description="Stands in the answer again.")

    def spec(self, model: str) -> GenerationSpec:
        given = self.parameters
        if not self.text_input:
            raise InvalidArgument("text_input must not be empty", field="text_input")
        if self.id is not None:
            check_text(self.id, "id", _MAX_ID_BYTES, controls="line")
        return GenerationSpec(
            prompt=self.text_input,
            model=model,
            max_tokens=_DEFAULTS.max_tokens if given.max_tokens is None else given.max_tokens,
            sampling=given.sampling(),
            stop=tuple(given.stop or ()),
            logprobs=0 if given.details else None,
        )


class OipToken(BaseModel):
    id: int
    text: str
    logprob: float | None


class Details(BaseModel):
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seed: int
    logprobs: list[OipToken] | None = Field(default=None, description="Where parameters.details is true.")
    guard: GuardOut | None = Field(default=None, description="What was screened.")


class OipAnswer(BaseModel):
    text_output: str
    model_name: str
    model_version: str
    details: Details
    id: str | None = None


class EventDetails(BaseModel):
    """Of a token, or of the whole answer in the last event."""

    token: OipToken | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seed: int | None = None
    guard: GuardOut | None = None


class OipEvent(BaseModel):
    text_output: str
    model_name: str
    model_version: str
    details: EventDetails | None = None
    id: str | None = None


_HEAD = {"model_name": "smollm2", "model_version": "1"}
_ENDING = {"finish_reason": "stop", "prompt_tokens": 5, "completion_tokens": 2, "seed": 7}
EVENTS = Events(
    OipEvent | OipError,
    [
        {"text_output": "Pa"} | _HEAD,
        {"text_output": "ris"} | _HEAD,
        {"text_output": ""} | _HEAD | {"details": _ENDING},
    ],
    done=False,
)


class ServerMetadata(BaseModel):
    name: str = "colonnade"
    version: str
    extensions: list[str] = ["generate"]


class OipLive(BaseModel):
    live: Literal[True] = True


class OipReady(BaseModel):
    ready: Literal[True] = True


class ModelReady(OipReady):
    name: str


class TensorMetadata(BaseModel):
    name: str
    datatype: str = "BYTES"
    shape: list[int] = [1]


class ModelMetadata(BaseModel):
    name: str
    versions: list[str]
    platform: str = Field(description="The model's family.")
    inputs: list[TensorMetadata] = [TensorMetadata(name="text_input")]
    outputs: list[TensorMetadata] = [TensorMetadata(name="text_output")]
