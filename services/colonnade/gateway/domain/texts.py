"""What is asked about texts that are given, and what comes back: vectors, probabilities, tokens."""

from dataclasses import dataclass
from typing import ClassVar

from colonnade.gateway.domain.generation import Message, Token


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """Texts to embed; ``model`` or ``model_size`` or neither."""

    texts: tuple[str, ...]
    model: str = ""
    model_size: str = ""
    truncate: bool = False
    """Cut a text that the model cannot take whole, instead of refusing it."""
    user: str = ""
    adapter: str = ""

    operation: ClassVar[str] = "embeddings"
    """The OpenTelemetry name of what is asked."""
    action: ClassVar[str] = "embed"
    """As the audit calls it."""


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """Texts to score, each after the same context; ``model`` or ``model_size`` or neither."""

    texts: tuple[str, ...]
    context: str = ""
    model: str = ""
    model_size: str = ""
    user: str = ""
    adapter: str = ""

    operation: ClassVar[str] = "score"
    action: ClassVar[str] = "score"


@dataclass(frozen=True, slots=True)
class TokenizeSpec:
    """A text or a conversation to encode; ``model`` or ``model_size`` or neither."""

    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    special_tokens: bool = True
    """Of a text: whether it gets what the tokenizer puts around one."""
    with_texts: bool = False
    """Whether the text of each token is wanted as well."""
    model: str = ""
    model_size: str = ""
    user: str = ""
    adapter: str = ""

    operation: ClassVar[str] = "tokenize"
    action: ClassVar[str] = "tokenize"


@dataclass(frozen=True, slots=True)
class DetokenizeSpec:
    ids: tuple[int, ...]
    model: str = ""
    model_size: str = ""
    user: str = ""
    adapter: str = ""

    operation: ClassVar[str] = "detokenize"
    action: ClassVar[str] = "detokenize"


@dataclass(frozen=True, slots=True)
class Embedded:
    vectors: tuple[tuple[float, ...], ...]
    """Of length 1, in the order of the texts."""
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class ScoredText:
    tokens: tuple[Token, ...]
    total_logprob: float


@dataclass(frozen=True, slots=True)
class Scored:
    texts: tuple[ScoredText, ...]
    prompt_tokens: int
    """That went through the model, the context's once a text."""


@dataclass(frozen=True, slots=True)
class Tokenized:
    ids: tuple[int, ...]
    texts: tuple[str, ...]
    """Of each token, if asked for."""
    context_length: int
