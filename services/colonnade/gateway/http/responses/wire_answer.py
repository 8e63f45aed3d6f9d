"""A response and the events of its stream, for the page; the renderer writes them."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Discriminator, Field

from colonnade.gateway.http.described import Events
from colonnade.gateway.http.openai.wire_answers import ScoredPiece
from colonnade.gateway.http.wire_guard import GuardOut

ItemStatus = Literal["in_progress", "completed", "incomplete"]


class OutputText(BaseModel):
    type: Literal["output_text"]
    text: str
    annotations: list[Any] = Field(description="Always empty.")
    logprobs: list[ScoredPiece] = Field(description="Where they were asked for.")


class OutputMessage(BaseModel):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: ItemStatus
    content: list[OutputText]


class FunctionCallItem(BaseModel):
    id: str
    type: Literal["function_call"]
    call_id: str = Field(description="To be named in the function_call_output.")
    name: str
    arguments: str = Field(description="A JSON object, as text.")
    status: ItemStatus


OutputItem: TypeAlias = Annotated[OutputMessage | FunctionCallItem, Discriminator("type")]


class InputDetails(BaseModel):
    cached_tokens: int


class OutputDetails(BaseModel):
    reasoning_tokens: Literal[0]


class ResponseUsage(BaseModel):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class ResponseError(BaseModel):
    code: Literal["server_error", "rate_limit_exceeded"]
    message: str


class Incomplete(BaseModel):
    reason: Literal["max_output_tokens", "content_filter"]


class ResponseObject(BaseModel):
    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed", "cancelled"]
    error: ResponseError | None
    incomplete_details: Incomplete | None
    model: str = Field(description="The version that answered, as name:version.")
    output: list[OutputItem]
    usage: ResponseUsage | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    previous_response_id: None
    reasoning: dict[str, None]
    background: Literal[False]
    service_tier: Literal["default"]
    store: Literal[False]
    temperature: float
    text: dict[str, Any] = Field(description="As it was asked for.")
    tool_choice: str | dict[str, Any] = Field(description="As it was asked for.")
    tools: list[dict[str, Any]] = Field(description="As they were sent.")
    top_logprobs: int
    top_p: float
    truncation: Literal["disabled"]
    user: str | None
    guard: GuardOut | None = Field(default=None, description="Ours: what was screened.")


class ResponseEvent(BaseModel):
    sequence_number: int


class WholeEvent(ResponseEvent):
    type: Literal[
        "response.created", "response.in_progress",
        "response.completed", "response.incomplete", "response.failed",
    ]  # fmt: skip
    response: ResponseObject


class ItemEvent(ResponseEvent):
    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: OutputItem


class PlacedEvent(ResponseEvent):
    item_id: str
    output_index: int


class PartEvent(PlacedEvent):
    type: Literal["response.content_part.added", "response.content_part.done"]
    content_index: int
    part: OutputText


class TextDelta(PlacedEvent):
    type: Literal["response.output_text.delta"]
    content_index: int
    delta: str
    logprobs: list[ScoredPiece]


class TextDone(PlacedEvent):
    type: Literal["response.output_text.done"]
    content_index: int
    text: str
    logprobs: list[ScoredPiece]


class ArgumentsDelta(PlacedEvent):
    type: Literal["response.function_call_arguments.delta"]
    delta: str


class ArgumentsDone(PlacedEvent):
    type: Literal["response.function_call_arguments.done"]
    name: str
    arguments: str


AnyEvent: TypeAlias = Annotated[
    WholeEvent | ItemEvent | PartEvent | TextDelta | TextDone | ArgumentsDelta | ArgumentsDone,
    Discriminator("type"),
]
_PLACE = {"item_id": "msg_1_0", "output_index": 0, "content_index": 0, "logprobs": []}
_DELTA = {"type": "response.output_text.delta"} | _PLACE
_DONE = {"type": "response.output_text.done"} | _PLACE
EVENTS = Events(
    AnyEvent,
    [
        _DELTA | {"sequence_number": 4, "delta": "Pa"},
        _DELTA | {"sequence_number": 5, "delta": "ris"},
        _DONE | {"sequence_number": 6, "text": "Paris"},
    ],
    done=False,
    named=True,
)
