"""Counts by day, as bars of a chart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from colonnade.console.views.formats import number


@dataclass(frozen=True, slots=True)
class DayBar:
    """``percent`` of the tallest."""

    day: date
    percent: float
    told: str


def day_bars(counts: Mapping[date, int], first: date, last: date) -> list[DayBar]:
    """One a day from ``first`` to ``last``, days without any among them."""
    most = max(counts.values(), default=0)
    days = (first + timedelta(days=each) for each in range((last - first).days + 1))
    return [_bar(day, counts.get(day, 0), most) for day in days]


def _bar(day: date, count: int, most: int) -> DayBar:
    return DayBar(day, 100 * count / most if most else 0.0, f"{day}: {number(count)}")
