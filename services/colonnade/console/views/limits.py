"""Limits and what is left of them, a line for each."""

from collections.abc import Mapping

from colonnade.client import Limits, Quota, Remaining
from colonnade.console.views.formats import number
from colonnade.errors import InvalidArgument

KINDS = {
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "concurrent_requests": "requests at once",
    "monthly_tokens": "tokens a month",
}
"""What may be limited, by the name of its field."""
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
        for name, told in KINDS.items()
        if (value := getattr(limits, name)) is not None
    ]


def left_lines(scope: Remaining) -> list[tuple[str, str, str, str]]:
    return [
        (scope_of(scope), told, number(left.remaining), number(left.limit))
        for name, told in _LEFT.items()
        if (left := getattr(scope, name)) is not None
    ]


def quota_of(fields: Mapping[str, float | None], before: Limits | None) -> Quota:
    """As the fields of a form have it; what the form does not show stays. Raises ``InvalidArgument``."""
    for name, value in fields.items():
        if value is not None and (value < 0 or value != int(value)):
            raise InvalidArgument(f"{KINDS[name]}: a whole number from 0 up, or nothing", field=name)
    requests, tokens, at_once, month = (
        None if value is None else int(value) for value in (fields[name] for name in KINDS)
    )
    return Quota(
        requests_per_minute=requests,
        tokens_per_minute=tokens,
        concurrent_requests=at_once,
        monthly_tokens=month,
        max_priority=before.max_priority if before else None,
    )
