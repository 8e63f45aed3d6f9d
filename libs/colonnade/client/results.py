"""What the platform answers, as immutable dataclasses. Unknown fields of newer platforms are ignored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """The exact version that answered; the digest is its identity."""

    name: str
    version: int
    digest: str
    adapter: "ModelVersion | None" = None
    """The LoRA adapter that had a part in the answer, if one had."""


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_prompt_tokens: int = 0
    guessed_tokens: int = 0
    """Guessed ahead of the model, where the engine speculates; the answer is the same without."""
    accepted_tokens: int = 0
    """Of those, what the model agreed to."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A token that could have been drawn instead."""

    id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    """``logprob`` is the natural logarithm of the model's own probability, before temperature and filters."""

    id: int
    text: str
    logprob: float | None = None
    top: tuple[Rival, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of one engine step. ``tokens`` is filled where logprobs were asked for."""

    text: str
    tokens: tuple[Token, ...] = ()
    index: int = 0
    """Which of the answers, where several were asked for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several answers to a prompt."""

    index: int
    text: str
    finish_reason: str
    seed: int | None = None
    stop: str | None = None
    logprobs: tuple[Token, ...] | None = None


@dataclass(frozen=True, slots=True)
class CacheUse:
    """Of an answer that was not generated for this request."""

    kind: str
    """``hit``: it was kept; ``semantic``: of the same question in other words; ``joined``: it was under
    way."""
    age_seconds: float = 0.0
    similarity: float = 1.0


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole answer."""

    id: str
    text: str
    finish_reason: str
    """``stop``, ``length``, ``cancelled`` or ``deadline``."""
    model: ModelVersion
    usage: Usage
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds: ``queue``, ``prefill``, ``decode``, ``time_to_first_token``, ``total``."""
    seed: int | None = None
    """Repeats this answer when given back."""
    stop: str | None = None
    """The stop string that ended it, if one did."""
    logprobs: tuple[Token, ...] | None = None
    choices: tuple[Choice, ...] = ()
    """Every answer, where ``n`` was above 1; what stands beside it is the first one's."""
    cache: CacheUse | None = None
    """Where the answer was not generated for this request."""


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


@dataclass(frozen=True, slots=True)
class AliasTarget:
    version: int
    weight: int = 100
    """Percent of requests; the targets of an alias add up to 100."""


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    targets: tuple[AliasTarget, ...]
    revision: int = 0
    """Grows by one at each move."""
    updated_at: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a version."""

    path: str
    digest: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version of a model in the registry."""

    name: str
    version: int
    digest: str
    family: str
    parameters: int = 0
    size_label: str = ""
    context_length: int = 0
    size_bytes: int = 0
    created_at: datetime | None = None
    created_by: str = ""
    source: str = ""
    source_digest: str = ""
    base: str = ""
    """Of an adapter: the digest of the model version that it belongs to."""
    artefacts: tuple[Artefact, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """``versions`` is filled by ``models.get``, newest first, and empty in ``models.list``."""

    name: str
    description: str = ""
    latest_version: int = 0
    size_label: str = ""
    aliases: tuple[Alias, ...] = ()
    versions: tuple[Version, ...] = ()
    created_at: datetime | None = None
    family: str = ""
    """Of the latest version; ``lora`` is an adapter."""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the models, and where to go on; an empty token ends the list."""

    models: tuple[Model, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class ImportProgress:
    stage: str
    """``queued``, ``read``, ``convert``, ``store``, ``register`` or ``done``."""
    fraction: float = 0.0
    """Of the stage, 0 to 1."""
    message: str = ""
    version: Version | None = None
    """In the last one."""


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is listed: never its secret."""

    id: str
    name: str = ""
    tenant: str = ""
    subject: str = ""
    roles: tuple[str, ...] = ()
    created_at: datetime | None = None
    created_by: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    replaces: str = ""
    """The key that this one was rotated from."""


@dataclass(frozen=True, slots=True)
class NewKey(Key):
    """A key just made. ``secret`` is the whole string to send; the platform cannot show it again."""

    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class EngineBreaker:
    """Stands between an engine and a version that failed there."""

    digest: str
    state: str
    """``open``, or ``half_open``: one request may try."""
    seconds: float = 0.0
    """Until it is half open."""


@dataclass(frozen=True, slots=True)
class Engine:
    """``why_not`` is empty where it is ready, else ``away``, ``draining`` or ``ejected``."""

    address: str
    ready: bool
    why_not: str = ""
    ejected_seconds: float = 0.0
    lease_seconds: float | None = None
    """Left of its lease; ``None`` for one that stands in the settings."""
    outstanding_tokens: int = 0
    running: int = 0
    waiting: int = 0
    memory_used_bytes: int = 0
    memory_budget_bytes: int = 0
    models: tuple[str, ...] = ()
    breakers: tuple[EngineBreaker, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether requests would be answered; ``parts`` says of what they need ``ready``, or what it lacks."""

    ready: bool
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlatformVersion:
    version: str
    extra: dict[str, Any] = field(default_factory=dict)
