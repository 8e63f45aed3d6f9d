"""``POST /v1/completions`` as JSON. Ranges are checked by the pipeline, from the table of limits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, JsonValue

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.limits import MAX_PROMPTS
from colonnade.gateway.http.openai.fields import Lacking, TextBody
from colonnade.gateway.http.wire_generate import number

_DEFAULT_TOKENS = 16
_PROMPT: dict[str, JsonValue] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    ]
}


class CompletionBody(TextBody):
    lacking: ClassVar[Mapping[str, Lacking]] = {
        "suffix": Lacking("put all text into the prompt", ("",)),
    }

    prompt: Any = Field(
        description=f"Text to continue, or its token ids; or a list of at most {MAX_PROMPTS} of these.",
        json_schema_extra=_PROMPT,
    )
    max_tokens: int | None = number("max_tokens", "Tokens to generate at most.", _DEFAULT_TOKENS)
    logprobs: int | None = number("logprobs", "Log-probabilities, with this many rivals a token.", None)
    echo: bool | None = Field(
        default=None, description="Answers begin with their prompt: a text, and without logprobs."
    )
    best_of: int | None = Field(default=None, description="Accepted where it is n: all answers are returned.")

    def specs(self) -> list[GenerationSpec]:
        """One for each prompt."""
        prompts = _prompts(self.prompt)
        self._check(prompts)
        spec = GenerationSpec(
            model=self.model,
            adapter=self.adapter or "",
            max_tokens=_DEFAULT_TOKENS if self.max_tokens is None else self.max_tokens,
            sampling=self.sampling(),
            stop=tuple(self.stop or ()),
            logprobs=self.logprobs,
            user=self.user or "",
            structure=self.form(),
            n=1 if self.n is None else self.n,
            priority=self.priority or 0,
        )
        return [
            replace(spec, prompt=each)
            if isinstance(each, str)
            else replace(
                spec, prompt_tokens=_token_ids(each, "prompt" if len(prompts) == 1 else f"prompt[{at}]")
            )
            for at, each in enumerate(prompts)
        ]

    def _check(self, prompts: list[Any]) -> None:
        if self.best_of is not None and self.best_of != (self.n or 1):
            raise Unsupported("best_of must be n; draw n answers and choose among them", field="best_of")
        if self.echo and (self.logprobs is not None or not all(isinstance(each, str) for each in prompts)):
            raise Unsupported(
                "echo is for prompts that are text, without logprobs; use POST /score for the prompt's own",
                field="echo",
            )


def _prompts(prompt: Any) -> list[Any]:
    """Each a text or a list that should hold token ids."""
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list):
        raise _unlike_a_prompt()
    if prompt and all(isinstance(each, int) for each in prompt):
        return [prompt]
    if not 1 <= len(prompt) <= MAX_PROMPTS:
        raise InvalidArgument(
            f"prompt must hold between 1 and {MAX_PROMPTS} prompts; {len(prompt)} were given",
            field="prompt",
            limit=MAX_PROMPTS,
        )
    if len({type(each) for each in prompt}) > 1 or not isinstance(prompt[0], str | list):
        raise _unlike_a_prompt()
    return prompt


def _token_ids(ids: list[Any], field: str) -> tuple[int, ...]:
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in ids):
        raise InvalidArgument(f"{field} must hold token ids", field=field, limit="integers")
    return tuple(ids)


def _unlike_a_prompt() -> InvalidArgument:
    return InvalidArgument(
        "prompt must be a string, a list of token ids, or a list of either",
        field="prompt",
        limit="a string or an array",
    )
