"""What caches of answers have to do with a request."""

from dataclasses import dataclass

MISS = "miss"


@dataclass(frozen=True, slots=True)
class Caching:
    """What a request wants of them."""

    refresh: bool = False
    """No kept answer; the new one may be kept."""
    off: bool = False
    """No kept answer, and none is to be kept."""
    personal: bool = False
    """Something of one person's shaped the prompt: only the very same one is alike."""
    policy_version: str = ""
    """Of the guard's policy; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Cached:
    """What they had to do with its answer."""

    kind: str
    """hit, semantic, joined or miss."""
    age_seconds: float = 0.0
    similarity: float = 0.0
    generated_prompt_tokens: int = 0
    """Of an answer that somebody else asked for first, and then left: what this request has to answer for."""
    generated_completion_tokens: int = 0

    @property
    def reused(self) -> bool:
        """Whether the answer was not generated for this request."""
        return self.kind != MISS


@dataclass(frozen=True, slots=True)
class CacheState:
    """How the caches stand; counts are since the inference service started."""

    store: str
    """memory, redis, or empty where no answers are kept."""
    answers: int
    size_bytes: int
    max_bytes: int
    hits: int
    semantic_hits: int
    joined: int
    misses: int
    evictions: int
    semantic_questions: int
    thresholds: dict[str, float]
