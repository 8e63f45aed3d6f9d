"""What ``POST /generate`` answers, for the page; the renderer writes it."""

from typing import Literal

from pydantic import BaseModel, Field

from colonnade.gateway.http.described import Events
from colonnade.gateway.http.wire_errors import Refusal
from colonnade.gateway.http.wire_guard import GuardOut
from colonnade.gateway.http.wire_recall import MemoryUseOut

FinishReason = Literal["stop", "length", "cancelled", "deadline", "content_filter"]


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


class CacheUseOut(BaseModel):
    """Of an answer that was not generated for this request."""

    kind: Literal["hit", "semantic", "joined"]
    age_seconds: float
    similarity: float = Field(description="Of the two questions, where they are not the same; else 1.")


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


class AnswerOut(BaseModel):
    text: str
    finish_reason: FinishReason
    seed: int
    stop: str | None = Field(default=None, description="The stop string that ended the answer.")
    logprobs: list[TokenOut] | None = None


class ChoiceOut(AnswerOut):
    index: int


class GenerateAnswer(AnswerOut):
    id: str
    model: ModelUsed
    lineage: str = Field(description="A relative link to what made the version that answered.")
    usage: UsageOut
    timings: TimingsOut
    cache: CacheUseOut | None = Field(
        default=None, description="Where the answer was not generated for this request."
    )
    memory: MemoryUseOut | None = Field(default=None, description="Where memory was asked for.")
    guard: GuardOut | None = None
    choices: list[ChoiceOut] | None = Field(
        default=None,
        description="Every answer, where n is above 1; the fields beside it are the first one's.",
    )


class GenerateEvent(BaseModel):
    """Text as it comes. The last one of an answer says how it ended, the last one of all what it took."""

    id: str
    index: int | None = Field(default=None, description="Where n is above 1: of which answer this is.")
    text: str
    tokens: list[TokenOut] | None = Field(default=None, description="Where logprobs were asked for.")
    finish_reason: FinishReason | None = None
    seed: int | None = None
    stop: str | None = Field(default=None, description="The stop string that ended the answer.")
    model: ModelUsed | None = None
    lineage: str | None = Field(default=None, description="Of the last one: what made the version.")
    usage: UsageOut | None = None
    timings: TimingsOut | None = None
    cache: CacheUseOut | None = None
    memory: MemoryUseOut | None = Field(default=None, description="Of the last one, as in the JSON answer.")
    guard: GuardOut | None = Field(default=None, description="Of the last one, as in the JSON answer.")


_END = {"id": "gen-1", "text": "", "finish_reason": "stop", "seed": 7}
_MODEL = {"name": "smollm2", "version": 1, "digest": "sha256:2f9d0c5b..."}
_LINEAGE = "/lineage?kind=version&id=sha256:2f9d0c5b..."
_USED = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cached_prompt_tokens": 0}
_SECONDS = {"queue": 0.0, "prefill": 0.02, "decode": 0.03, "time_to_first_token": 0.02, "total": 0.06}
EVENTS = Events(
    GenerateEvent,
    [
        {"id": "gen-1", "text": "Pa"},
        {"id": "gen-1", "text": "ris"},
        _END | {"model": _MODEL, "lineage": _LINEAGE, "usage": _USED, "timings": _SECONDS},
    ],
    error=Refusal,
)
