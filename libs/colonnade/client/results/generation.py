"""What came of a generation."""

from dataclasses import dataclass, field

from colonnade.client.results.guard import GuardUse
from colonnade.client.results.memory import MemoryUse


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
    """``stop``, ``length``, ``cancelled``, ``deadline``, or ``content_filter``: a policy ended it."""
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
    memory: MemoryUse | None = None
    """What memory had to do with it, where that was asked for."""
    guard: GuardUse | None = None
    """What policies decided about it, where the platform screens."""
    lineage: str = ""
    """A link to what made the version that answered, for ``lineage.trace``."""
