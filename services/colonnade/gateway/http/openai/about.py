"""What every answer of OpenAI's protocol says about itself: who made it and what it took."""

from collections.abc import Sequence
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Finish, Token
from colonnade.gateway.domain.models import Target

_PREFIX = len("sha256:")
_DIGITS = 12
_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})
_CUT = "length"
"""What was cut short by us: OpenAI has no word for it."""
_IMPOSSIBLE = -9999.0
"""As OpenAI writes the log-probability of what cannot be drawn: JSON has no infinity."""


def model_of(exchange: Exchange) -> str:
    """The version that answered, in words that ask for the same one again."""
    target = _target(exchange)
    return (target.adapter or target).label


def fingerprint(exchange: Exchange) -> str:
    """The beginning of the version's digest, and of its adapter's."""
    target = _target(exchange)
    digests = [target.digest, *([target.adapter.digest] if target.adapter else [])]
    return "_".join(["fp", *(digest[_PREFIX : _PREFIX + _DIGITS] for digest in digests)])


def usage_of(finishes: Sequence[Finish]) -> dict[str, Any]:
    """Of prompts that were each worked off once."""
    prompt = sum(each.usage.prompt_tokens for each in finishes)
    completion = sum(each.usage.completion_tokens for each in finishes)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": sum(each.usage.cached_prompt_tokens for each in finishes),
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def reason_of(finish: Finish) -> str:
    return finish.reason if finish.reason in _REASONS else _CUT


def logprobs_of(tokens: Sequence[Token]) -> dict[str, Any]:
    """As chat completions have it."""
    content = [
        _scored(token.text, token.logprob)
        | {"top_logprobs": [_scored(rival.text, rival.logprob) for rival in token.top]}
        for token in tokens
    ]
    return {"content": content, "refusal": None}


def finite(logprob: float | None) -> float:
    return _IMPOSSIBLE if logprob is None else max(_IMPOSSIBLE, logprob)


def _scored(text: str, logprob: float | None) -> dict[str, Any]:
    return {"token": text, "logprob": finite(logprob), "bytes": list(text.encode())}


def _target(exchange: Exchange) -> Target:
    if exchange.target is None:
        raise Internal("the answer has no model")
    return exchange.target
