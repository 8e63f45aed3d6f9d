"""What the platform makes of texts without generating: vectors, scores, tokens."""

from dataclasses import dataclass, field

from colonnade.client.results.generation import ModelVersion, Token


@dataclass(frozen=True, slots=True)
class TextUsage:
    prompt_tokens: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """One text's vector, of length 1: the dot product of two is their cosine similarity."""

    index: int
    embedding: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """In the order of the texts."""

    data: tuple[Embedding, ...]
    model: ModelVersion
    usage: TextUsage

    @property
    def vectors(self) -> tuple[tuple[float, ...], ...]:
        return tuple(each.embedding for each in self.data)


@dataclass(frozen=True, slots=True)
class Score:
    """One text's tokens with their log-probabilities, and these together."""

    index: int
    tokens: tuple[Token, ...]
    total_logprob: float


@dataclass(frozen=True, slots=True)
class Scores:
    """In the order of the texts."""

    data: tuple[Score, ...]
    model: ModelVersion
    usage: TextUsage


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text in a model's tokens."""

    tokens: tuple[int, ...]
    count: int
    max_model_len: int
    """The model's context: tokens that it takes, prompt and answer."""
    model: ModelVersion
    token_strs: tuple[str, ...] | None = None
    """The text that each token adds, if asked for."""


@dataclass(frozen=True, slots=True)
class Detokenized:
    prompt: str
    """The text."""
    model: ModelVersion
