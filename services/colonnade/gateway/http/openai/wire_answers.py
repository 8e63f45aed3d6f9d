"""What OpenAI's routes answer, for the page; the renderers write it."""

from typing import Literal

from pydantic import BaseModel, Field

from colonnade.gateway.http.described import Events
from colonnade.gateway.http.wire_errors import OpenAiError
from colonnade.gateway.http.wire_guard import GuardOut
from colonnade.gateway.http.wire_recall import MemoryUseOut

Reason = Literal["stop", "length", "tool_calls", "content_filter"]


class PromptDetails(BaseModel):
    cached_tokens: int = Field(description="Of the prompt's, those that were not computed again.")
    audio_tokens: Literal[0]


class CompletionDetails(BaseModel):
    reasoning_tokens: Literal[0]
    audio_tokens: Literal[0]
    accepted_prediction_tokens: Literal[0]
    rejected_prediction_tokens: Literal[0]


class CompletionUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class ScoredRival(BaseModel):
    token: str
    logprob: float
    bytes: list[int]


class ScoredPiece(ScoredRival):
    top_logprobs: list[ScoredRival]


class ChatLogprobs(BaseModel):
    content: list[ScoredPiece]
    refusal: None


class FunctionCalled(BaseModel):
    name: str
    arguments: str = Field(description="A JSON object, as text.")


class CallMade(BaseModel):
    id: str
    type: Literal["function"]
    function: FunctionCalled


class ChatMessageOut(BaseModel):
    role: Literal["assistant"]
    content: str | None = Field(description="null where there are calls and no text.")
    refusal: None
    tool_calls: list[CallMade] | None = None


class ChatChoice(BaseModel):
    index: int
    message: ChatMessageOut
    logprobs: ChatLogprobs | None
    finish_reason: Reason


class Answered(BaseModel):
    id: str
    created: int
    model: str = Field(description="The version that answered, as name:version.")
    system_fingerprint: str = Field(description="The beginning of the digests of what answered.")


class ChatCompletion(Answered):
    object: Literal["chat.completion"]
    choices: list[ChatChoice]
    usage: CompletionUsage
    memory: MemoryUseOut | None = Field(default=None, description="Ours: where memory was asked for.")
    guard: GuardOut | None = Field(default=None, description="Ours: what was screened.")


class FunctionDelta(BaseModel):
    name: str | None = None
    arguments: str


class CallDelta(BaseModel):
    """The first one of a call has its id and its name."""

    index: int
    id: str | None = None
    type: Literal["function"] | None = None
    function: FunctionDelta


class ChatDelta(BaseModel):
    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: None = None
    tool_calls: list[CallDelta] | None = None


class ChatChunkChoice(BaseModel):
    index: int
    delta: ChatDelta
    logprobs: ChatLogprobs | None
    finish_reason: Reason | None


class ChatChunk(Answered):
    object: Literal["chat.completion.chunk"]
    choices: list[ChatChunkChoice]
    usage: CompletionUsage | None = Field(
        default=None, description="With stream_options.include_usage: of the last one, which has no choices."
    )
    memory: MemoryUseOut | None = Field(
        default=None, description="Ours: with the last finish_reason, where memory was asked for."
    )
    guard: GuardOut | None = Field(default=None, description="Ours: with the last finish_reason.")


class CompletionLogprobs(BaseModel):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int] = Field(description="Where each token begins, in characters.")


class TextPiece(BaseModel):
    text: str
    index: int = Field(description="Of answer i to prompt p: p * n + i.")
    logprobs: CompletionLogprobs | None


class CompletionChoice(TextPiece):
    finish_reason: Reason


class Completion(Answered):
    object: Literal["text_completion"]
    choices: list[CompletionChoice]
    usage: CompletionUsage
    guard: GuardOut | None = Field(default=None, description="Ours: what was screened.")


class CompletionChunkChoice(TextPiece):
    finish_reason: Reason | None


class CompletionChunk(Answered):
    object: Literal["text_completion"]
    choices: list[CompletionChunkChoice]
    usage: CompletionUsage | None = Field(
        default=None, description="With stream_options.include_usage: of the last one, which has no choices."
    )
    guard: GuardOut | None = Field(default=None, description="Ours: with the last finish_reason.")


class EmbeddingObject(BaseModel):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str = Field(description="Of length 1; as text where base64 was asked for.")


class EmbeddingsUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class Embeddings(BaseModel):
    object: Literal["list"]
    data: list[EmbeddingObject] = Field(description="In the order of the input.")
    model: str = Field(description="The version that answered, as name:version.")
    usage: EmbeddingsUsage


class ModelObject(BaseModel):
    id: str = Field(description="What to send as model.")
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"]
    data: list[ModelObject]


_HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1893456000}
_CHAT = _HEAD | {"model": "smollm2:1", "system_fingerprint": "fp_2f9d0c5b8a17"}
_TEXT = _CHAT | {"id": "cmpl-1", "object": "text_completion"}
_OPEN = {"index": 0, "logprobs": None, "finish_reason": None}
_SHUT = {"index": 0, "logprobs": None, "finish_reason": "stop"}
CHAT_EVENTS = Events(
    ChatChunk,
    [
        _CHAT | {"choices": [_OPEN | {"delta": {"role": "assistant", "content": "Pa", "refusal": None}}]},
        _CHAT | {"choices": [_OPEN | {"delta": {"content": "ris"}}]},
        _CHAT | {"choices": [_SHUT | {"delta": {}}]},
    ],
    error=OpenAiError,
)
COMPLETION_EVENTS = Events(
    CompletionChunk,
    [_TEXT | {"choices": [_OPEN | {"text": " Paris"}]}, _TEXT | {"choices": [_SHUT | {"text": ""}]}],
    error=OpenAiError,
)
