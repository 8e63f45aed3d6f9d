"""``POST /v1/chat/completions`` as JSON. Ranges are checked by the pipeline, from the table of limits."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.limits import MAX_MESSAGES, MAX_TOOLS, RANGES
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.http.openai.fields import Lacking, ResponseFormat, TextBody
from colonnade.gateway.http.openai.wire_messages import CHOICE, ChatMessage, ChatTool, tool_choice
from colonnade.gateway.http.wire_generate import number
from colonnade.gateway.http.wire_recall import MemoryBody

_LONGEST = int(RANGES["max_tokens"].high)
"""Without a limit of its own an answer ends with the model's context at the latest."""


class ChatBody(TextBody):
    harmless: ClassVar[frozenset[str]] = frozenset(
        {"metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"}
    )
    lacking: ClassVar[Mapping[str, Lacking]] = {
        "audio": Lacking("answers are text"),
        "modalities": Lacking("answers are text", (["text"],)),
        "prediction": Lacking("leave it out"),
        "web_search_options": Lacking("give the model a tool that searches"),
        "functions": Lacking("send tools", ([],)),
        "function_call": Lacking("send tool_choice", ("none", "auto")),
        "reasoning_effort": Lacking("leave it out", ("none",)),
        "verbosity": Lacking("ask for it in the prompt", ("medium",)),
        "store": Lacking("answers are not kept; leave it out", (False,)),
        "service_tier": Lacking("leave it out", ("auto", "default")),
    }

    messages: list[ChatMessage] = Field(
        description=f"A conversation, of at most {MAX_MESSAGES} messages; developer counts as system."
    )
    max_tokens: int | None = number("max_tokens", "The older name of max_completion_tokens.", None)
    max_completion_tokens: int | None = number(
        "max_tokens", "Tokens to generate at most. Default: what the model's context has room for.", None
    )
    response_format: ResponseFormat | None = Field(
        default=None, description="The form of the answer: text, json_object or json_schema."
    )
    logprobs: bool | None = Field(default=None, description="Log-probabilities of the answer's tokens.")
    top_logprobs: int | None = number("logprobs", "With logprobs: so many rivals a token.", None)
    tools: list[ChatTool] | None = Field(
        default=None, description=f"At most {MAX_TOOLS} functions that the answer may call."
    )
    tool_choice: Any = Field(
        default=None,
        description="auto (the default), none, required, or the function to be called.",
        json_schema_extra=CHOICE,
    )
    parallel_tool_calls: bool | None = Field(default=None, description="false: one call at most.")
    memory: MemoryBody | None = Field(
        default=None, description="Ours: what is remembered, in the prompt, as in POST /generate."
    )

    def spec(self) -> GenerationSpec:
        limit = self._limit()
        return GenerationSpec(
            messages=tuple(each.message(f"messages[{at}]") for at, each in enumerate(self.messages)),
            model=self.model,
            adapter=self.adapter or "",
            max_tokens=_LONGEST if limit is None else limit,
            open_ended=limit is None,
            sampling=self.sampling(),
            stop=tuple(self.stop or ()),
            logprobs=self._rivals(),
            user=self.user or "",
            structure=self._form(),
            n=1 if self.n is None else self.n,
            priority=self.priority or 0,
            tools=tuple(each.tool() for each in self.tools or ()),
            tool_choice=tool_choice(self.tool_choice, self.parallel_tool_calls),
            memory=self.memory.spec() if self.memory else None,
        )

    def names(self) -> Mapping[str, str]:
        """What the platform's fields are called in this request."""
        names = {"logprobs": "top_logprobs"}
        if self.max_completion_tokens is not None:
            names["max_tokens"] = "max_completion_tokens"
        if self.response_format is not None:
            names["structure.json_schema"] = "response_format.json_schema.schema"
        return names

    def _limit(self) -> int | None:
        older, newer = self.max_tokens, self.max_completion_tokens
        if older is not None and newer is not None and older != newer:
            raise InvalidArgument(
                "give either max_completion_tokens or max_tokens; both were given", field="max_tokens"
            )
        return older if newer is None else newer

    def _rivals(self) -> int | None:
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidArgument("top_logprobs goes with logprobs: true", field="top_logprobs")
        return (self.top_logprobs or 0) if self.logprobs else None

    def _form(self) -> Structure | None:
        asked = self.response_format.structure() if self.response_format else None
        if asked and self.structure:
            raise InvalidArgument(
                "give either response_format or structure; both were given", field="structure"
            )
        return asked or self.form()
