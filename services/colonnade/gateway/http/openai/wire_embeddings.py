"""``POST /v1/embeddings`` as JSON. Ranges are checked by the stage FitTexts."""

from typing import Any, Literal

from pydantic import Field, JsonValue

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.gateway.domain.limits import MAX_TEXTS
from colonnade.gateway.domain.texts import EmbeddingSpec
from colonnade.gateway.http.openai.fields import OpenAiBody

_INPUT: dict[str, JsonValue] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


class EmbeddingsBody(OpenAiBody):
    input: Any = Field(description=f"A text, or a list of at most {MAX_TEXTS}.", json_schema_extra=_INPUT)
    encoding_format: Literal["float", "base64"] | None = Field(
        default=None, description="base64: float32 numbers, the lowest byte first. Default float."
    )
    dimensions: int | None = Field(
        default=None, description="Accepted where it is what the model gives: vectors are not cut."
    )
    adapter: str | None = Field(default=None, description="Ours: a LoRA adapter of the model.")
    truncate: bool | None = Field(
        default=None, description="Ours: cut a text that is longer than the model takes."
    )

    def spec(self) -> EmbeddingSpec:
        return EmbeddingSpec(
            texts=_texts(self.input),
            model=self.model,
            truncate=bool(self.truncate),
            user=self.user or "",
            adapter=self.adapter or "",
        )


def _texts(given: Any) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if isinstance(texts, list) and all(isinstance(each, str) for each in texts):
        return tuple(texts)
    if isinstance(texts, list) and all(isinstance(each, int | list) for each in texts):
        raise Unsupported("input must be text; token ids are not taken here", field="input")
    raise InvalidArgument(
        "input must be a string or a list of strings", field="input", limit="a string or an array of strings"
    )
