"""Limits and what is left of them, a line for each."""

from colonnade.client import Limits, Remaining
from colonnade.console.views.formats import number

_KINDS = {
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "concurrent_requests": "requests at once",
    "monthly_tokens": "tokens a month",
}
_LEFT = {
    "requests": "requests a minute",
    "tokens": "tokens a minute",
    "concurrent_requests": "requests at once",
    "monthly_tokens": "tokens a month",
}


def scope_of(limits: Limits | Remaining) -> str:
    return " ".join(part for part in (limits.kind, limits.tenant, limits.name) if part)


def limit_lines(limits: Limits) -> list[tuple[str, str, str]]:
    """0 is no limit; what is not said is as the defaults have it, and not listed."""
    return [
        (scope_of(limits), told, number(value) if value else "none")
        for name, told in _KINDS.items()
        if (value := getattr(limits, name)) is not None
    ]


def left_lines(scope: Remaining) -> list[tuple[str, str, str, str]]:
    return [
        (scope_of(scope), told, number(left.remaining), number(left.limit))
        for name, told in _LEFT.items()
        if (left := getattr(scope, name)) is not None
    ]
