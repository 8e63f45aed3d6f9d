"""Usage as a chart by day, and as a file for a spreadsheet."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from colonnade.client import UsageSum

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEADS = (
    "day", "key", "model", "adapter", "requests", "prompt_tokens", "completion_tokens", "total_tokens",
    "cached_requests",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """A day; ``percent`` of the tallest."""

    day: date
    tokens: int
    requests: int
    percent: float


def bars(sums: Iterable[UsageSum], first: date, last: date) -> list[Bar]:
    """One a day from ``first`` to ``last``, days without use among them."""
    tokens: dict[date, int] = {}
    requests: dict[date, int] = {}
    for each in sums:
        if each.day is not None:
            tokens[each.day] = tokens.get(each.day, 0) + each.total_tokens
            requests[each.day] = requests.get(each.day, 0) + each.requests
    most = max(tokens.values(), default=0)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [
        Bar(day, tokens.get(day, 0), requests.get(day, 0), 100 * tokens.get(day, 0) / most if most else 0.0)
        for day in days
    ]


def csv_of(sums: Iterable[UsageSum]) -> str:
    """No cell is taken for a formula by a spreadsheet, whatever a key or a model is called."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADS)
    for each in sums:
        writer.writerow([_inert(getattr(each, name)) for name in HEADS])
    return out.getvalue()


def _inert(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
