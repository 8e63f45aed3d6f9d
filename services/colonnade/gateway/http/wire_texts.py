"""``POST /embed`` and ``POST /score`` as JSON. Ranges are checked by the stage FitTexts."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from colonnade.gateway.domain.limits import MAX_SCORED, MAX_TEXTS
from colonnade.gateway.domain.texts import EmbeddingSpec, ScoreSpec
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_answers import ModelUsed


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[
    list[str],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class AskedOfAModel(Strict):
    model: str | None = Field(
        default=None, description="name (its alias production), name@alias or name:version."
    )
    model_size: str | None = Field(default=None, description="A size such as 135M, instead of model.")
    adapter: str | None = Field(
        default=None,
        description="A LoRA adapter of the model, named as models are. Without model: of its own model.",
    )
    user: str | None = Field(
        default=None, description="Whom this is for, in at most 256 bytes: keeps them on one model version."
    )


class EmbedBody(AskedOfAModel):
    input: Texts = Field(description=f"A text, or a list of at most {MAX_TEXTS}.")
    truncate: bool | None = Field(
        default=None,
        description="Cut a text that is longer than the model takes. Default: refuse it, naming the limit.",
    )

    def spec(self) -> EmbeddingSpec:
        return EmbeddingSpec(
            texts=tuple(self.input),
            model=self.model or "",
            model_size=self.model_size or "",
            truncate=bool(self.truncate),
            user=self.user or "",
            adapter=self.adapter or "",
        )


class ScoreBody(AskedOfAModel):
    text: Texts = Field(description=f"A text, or a list of at most {MAX_SCORED}.")
    context: str | None = Field(
        default=None, description="What stands before each text; it is not scored itself."
    )

    def spec(self) -> ScoreSpec:
        return ScoreSpec(
            texts=tuple(self.text),
            context=self.context or "",
            model=self.model or "",
            model_size=self.model_size or "",
            user=self.user or "",
            adapter=self.adapter or "",
        )


class TextUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingOut(BaseModel):
    index: int
    embedding: list[float] = Field(description="Of length 1: the product of two is their cosine similarity.")


class EmbedAnswer(BaseModel):
    data: list[EmbeddingOut] = Field(description="In the order of the input.")
    model: ModelUsed
    usage: TextUsage


class ScoredToken(BaseModel):
    id: int
    text: str
    logprob: float = Field(description="Natural logarithm of the model's probability of the token.")


class ScoreOut(BaseModel):
    index: int
    tokens: list[ScoredToken]
    total_logprob: float


class ScoreAnswer(BaseModel):
    data: list[ScoreOut] = Field(description="In the order of the texts.")
    model: ModelUsed
    usage: TextUsage
