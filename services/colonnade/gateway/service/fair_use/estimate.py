"""About how many tokens a request may take: known before it runs, put right afterwards."""

from collections.abc import Iterable

from colonnade.gateway.domain.exchange import Spec
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.texts import EmbeddingSpec, ScoreSpec

_CHARACTERS = 4
"""Of a token: about right for prose in English; the count that settles it is exact."""

_OPEN_ENDED = 512
"""Of an answer that may be as long as the context: few are, and holding all of that would let nobody in."""


def estimate(spec: Spec) -> int:
    """The prompt and all that the answers may hold; nothing where no model has work."""
    if isinstance(spec, GenerationSpec):
        answer = min(spec.max_tokens, _OPEN_ENDED) if spec.open_ended else spec.max_tokens
        return _prompt(spec) + spec.n * answer
    if isinstance(spec, EmbeddingSpec):
        return _tokens(spec.texts)
    if isinstance(spec, ScoreSpec):
        return _tokens(spec.texts) + len(spec.texts) * (len(spec.context) // _CHARACTERS)
    return 0


def _prompt(spec: GenerationSpec) -> int:
    if spec.prompt_tokens is not None:
        return len(spec.prompt_tokens)
    if spec.messages is not None:
        return _tokens(message.content for message in spec.messages)
    return _tokens([spec.prompt or ""])


def _tokens(texts: Iterable[str]) -> int:
    return sum(1 + len(text) // _CHARACTERS for text in texts)
