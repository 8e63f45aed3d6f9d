"""``POST /v1/responses`` as JSON. Ranges are checked by the pipeline, from the table of limits."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.generation import GenerationSpec, Sampling
from colonnade.gateway.domain.limits import MAX_MESSAGES, RANGES
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.domain.tools import Tool, ToolChoice
from colonnade.gateway.http.openai.fields import Lacking, OpenAiBody
from colonnade.gateway.http.openai.wire_messages import CHOICE, tool_choice
from colonnade.gateway.http.responses.items import Conversation
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_generate import Stop, number

_LONGEST = int(RANGES["max_tokens"].high)
_PLAIN = Sampling(temperature=1.0, top_k=0, top_p=1.0)
_SAMPLED = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")
_LOGPROBS = "message.output_text.logprobs"
_INPUT: Any = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}
_KEPT = "responses are not kept; send the whole conversation in input"


class Format(Strict):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = Field(default=None, description="For people; it is not shown to the model.")
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema", description="A JSON Schema.")
    strict: bool | None = Field(default=None, description="Accepted; a schema is always enforced.")

    def structure(self) -> Structure | None:
        if (self.type == "json_schema") != (self.schema_ is not None):
            raise InvalidArgument(
                "text.format.schema goes with the type json_schema, and only with that",
                field="text.format.schema",
            )
        if self.schema_ is not None:
            return Structure(json_schema=json.dumps(self.schema_, ensure_ascii=False))
        return Structure(json_object=True) if self.type == "json_object" else None


class Text(Strict):
    format: Format = Field(default=Format(), description="The form of the answer.")
    verbosity: Literal["medium"] | None = Field(
        default=None, description="Accepted; ask for it in the input."
    )


class FunctionTool(Strict):
    type: Literal["function"]
    name: str = Field(description="Letters, digits, '_' and '-', at most 64.")
    description: str | None = Field(default=None, description="What it does, for the model.")
    parameters: dict[str, Any] | None = Field(default=None, description="A JSON Schema of its arguments.")
    strict: bool | None = Field(default=None, description="Accepted; arguments always have their schema.")

    def tool(self) -> Tool:
        schema = self.parameters
        parameters = "" if schema is None else json.dumps(schema, ensure_ascii=False)
        return Tool(self.name, self.description or "", parameters)


class ResponsesBody(OpenAiBody):
    harmless: ClassVar[frozenset[str]] = frozenset(
        {"safety_identifier", "prompt_cache_key", "prompt_cache_retention"}
    )
    lacking: ClassVar[Mapping[str, Lacking]] = {
        "previous_response_id": Lacking(_KEPT),
        "conversation": Lacking(_KEPT),
        "store": Lacking(f"{_KEPT}, and leave store out", (False,)),
        "background": Lacking("leave it out", (False,)),
        "prompt": Lacking("send its text in input and instructions"),
        "reasoning": Lacking("leave it out", ({}, {"effort": None}, {"effort": "none"})),
        "max_tool_calls": Lacking("leave it out"),
        "truncation": Lacking("shorten the input", ("disabled",)),
        "service_tier": Lacking("leave it out", ("auto", "default")),
        "context_management": Lacking("shorten the input", ([],)),
    }

    input: Any = Field(
        description=f"A text, or a list of at most {MAX_MESSAGES} messages, calls and their outputs.",
        json_schema_extra=_INPUT,
    )
    instructions: str | None = Field(default=None, description="A system message before the input.")
    max_output_tokens: int | None = number(
        "max_tokens", "Tokens to generate at most. Default: what the model's context has room for.", None
    )
    temperature: float | None = number("temperature", "0 is greedy.", _PLAIN.temperature)
    top_p: float | None = number("top_p", "Draw among the likeliest tokens of this total; 1 is off.", 1.0)
    text: Text = Field(default=Text(), description="The form of the answer.")
    tools: list[FunctionTool] | None = Field(default=None, description="Functions that the answer may call.")
    tool_choice: Any = Field(
        default=None,
        description="auto (the default), none, required, or the function to be called.",
        json_schema_extra=CHOICE,
    )
    parallel_tool_calls: bool | None = Field(default=None, description="false: one call at most.")
    include: list[Literal["message.output_text.logprobs", "reasoning.encrypted_content"]] | None = Field(
        default=None, description=f"{_LOGPROBS}: log-probabilities of the answer's tokens."
    )
    top_logprobs: int | None = number("logprobs", f"With {_LOGPROBS}: so many rivals a token.", None)
    stream: bool | None = Field(default=None, description="Server-sent events instead of one JSON answer.")
    stream_options: dict[Literal["include_obfuscation"], bool] | None = Field(
        default=None, description="Accepted; nothing is padded."
    )
    metadata: dict[str, str] | None = Field(default=None, description="Stands in the answer again.")
    top_k: int | None = number("top_k", "Ours: draw among the k likeliest tokens; 0 is off.", _PLAIN.top_k)
    min_p: float | None = number("min_p", "Ours: leave out tokens less likely than this share.", 0.0)
    repetition_penalty: float | None = number("repetition_penalty", "Ours: as in POST /generate.", 1.0)
    seed: int | None = number("seed", "Ours: repeats an answer.", None)
    stop: Stop | None = Field(default=None, description="Ours: text that ends the answer.")
    adapter: str | None = Field(default=None, description="Ours: a LoRA adapter of the model.")

    def spec(self) -> GenerationSpec:
        given = {name: value for name in _SAMPLED if (value := getattr(self, name)) is not None}
        return GenerationSpec(
            messages=tuple(Conversation.of(self.instructions, self.input).messages),
            model=self.model,
            adapter=self.adapter or "",
            max_tokens=_LONGEST if self.max_output_tokens is None else self.max_output_tokens,
            open_ended=self.max_output_tokens is None,
            sampling=replace(_PLAIN, **given),
            stop=tuple(self.stop or ()),
            logprobs=self._rivals(),
            user=self.user or "",
            structure=self.text.format.structure(),
            tools=tuple(each.tool() for each in self.tools or ()),
            tool_choice=self._choice(),
        )

    def names(self) -> Mapping[str, str]:
        """What the platform's fields are called in this request."""
        tools = {
            f"tools[{at}].function.{name}": f"tools[{at}].{name}"
            for at in range(len(self.tools or ()))
            for name in ("name", "description", "parameters")
        }
        return (
            Conversation.of(self.instructions, self.input).names
            | tools
            | {
                "messages": "input",
                "max_tokens": "max_output_tokens",
                "logprobs": "top_logprobs",
                "structure.json_schema": "text.format.schema",
            }
        )

    def echo(self) -> dict[str, Any]:
        """What the answer says again of the request."""
        return {
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "max_tool_calls": None,
            "metadata": self.metadata or {},
            "parallel_tool_calls": self.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "background": False,
            "service_tier": "default",
            "store": False,
            "temperature": _PLAIN.temperature if self.temperature is None else self.temperature,
            "text": {"format": self.text.format.model_dump(by_alias=True, exclude_none=True)},
            "tool_choice": self.tool_choice or "auto",
            "tools": [each.model_dump() for each in self.tools or ()],
            "top_logprobs": self.top_logprobs or 0,
            "top_p": _PLAIN.top_p if self.top_p is None else self.top_p,
            "truncation": "disabled",
            "user": self.user,
        }

    def _rivals(self) -> int | None:
        asked = _LOGPROBS in (self.include or ())
        if self.top_logprobs and not asked:
            raise InvalidArgument(
                f'top_logprobs goes with include: ["{_LOGPROBS}"]', field="top_logprobs", limit=0
            )
        return (self.top_logprobs or 0) if asked else None

    def _choice(self) -> ToolChoice:
        """A function is named one level higher than in chat completions."""
        value = self.tool_choice
        if isinstance(value, dict) and value.keys() == {"type", "name"}:
            value = {"type": value["type"], "function": {"name": value["name"]}}
        return tool_choice(value, self.parallel_tool_calls)
