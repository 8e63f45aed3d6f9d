"""What is left to the caller, as every answer of a route that is limited tells it."""

from collections.abc import Iterator

from colonnade.gateway.domain.fair_use import Allowance, Left


def rate_headers(allowance: Allowance | None) -> Iterator[tuple[str, str]]:
    """``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``; none for what is not limited."""
    if allowance is None:
        return
    if allowance.requests is not None:
        yield from _headers("requests", allowance.requests)
    if allowance.tokens is not None:
        yield from _headers("tokens", allowance.tokens)


def _headers(what: str, left: Left) -> Iterator[tuple[str, str]]:
    yield f"x-ratelimit-limit-{what}", str(left.limit)
    yield f"x-ratelimit-remaining-{what}", str(left.remaining)
    yield f"x-ratelimit-reset-{what}", f"{round(left.reset, 3):g}s"
