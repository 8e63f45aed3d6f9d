"""What is said below an answer: who gave it, why it ended, how long it took."""

from colonnade.client import Generation
from colonnade.console.views.formats import number, seconds, short

_REASONS = {
    "stop": "complete",
    "length": "cut at the longest answer",
    "cancelled": "cancelled",
    "deadline": "out of time",
    "tool_calls": "asks for a function",
    "content_filter": "ended by a policy",
}
_CACHE = {
    "hit": "kept answer",
    "semantic": "same question, kept answer",
    "joined": "shared with another request",
}


def facts_of(answer: Generation) -> list[tuple[str, str]]:
    """In the order in which they are read."""
    usage = answer.usage
    pairs = [
        ("Answered by", f"{answer.model.name}:{answer.model.version}"),
        ("Digest", short(answer.model.digest)),
    ]
    if adapter := answer.model.adapter:
        pairs.append(("Adapter", f"{adapter.name}:{adapter.version}"))
    pairs += [
        ("Ended", _ended(answer)),
        ("Tokens", f"{number(usage.prompt_tokens)} in, {number(usage.completion_tokens)} out"),
    ]
    timings = answer.timings
    if "time_to_first_token" in timings:
        pairs.append(("First token", seconds(timings["time_to_first_token"])))
    if rate := rate_of(answer):
        pairs.append(("Speed", f"{rate:.1f} tokens/s"))
    return [
        *pairs,
        ("Cache", _cache(answer)),
        *([("Seed", str(answer.seed))] if answer.seed is not None else []),
    ]


def rate_of(answer: Generation) -> float | None:
    """Tokens a second, once the first was there; None of an answer that nobody generated for this."""
    decode = answer.timings.get("decode", 0.0)
    tokens = answer.usage.completion_tokens - 1
    return tokens / decode if decode > 0 and tokens > 0 and answer.cache is None else None


def _ended(answer: Generation) -> str:
    reason = _REASONS.get(answer.finish_reason, answer.finish_reason)
    return f"{reason} (at {answer.stop!r})" if answer.stop else reason


def _cache(answer: Generation) -> str:
    if answer.cache is not None:
        kind = _CACHE.get(answer.cache.kind, answer.cache.kind)
        return f"{kind}, {seconds(answer.cache.age_seconds)} old" if answer.cache.age_seconds else kind
    known = answer.usage.cached_prompt_tokens
    return f"{number(known)} tokens of the prompt" if known else "generated anew"
